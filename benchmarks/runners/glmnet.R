# R's glmnet: path, and cv.glmnet with our folds.
#
#     Rscript glmnet.R PROBLEM OUT KIND RATIOS FOLDS INTERCEPT TOL REPEATS BUDGET
#
# glmnet divides y by its sd (1/n), and with it the l2 part of the penalty: for l1 = s r and
# l2 = s (1 - r) it is asked for lambda = l1 + l2 sd, alpha = l1/lambda.

suppressMessages({ library(Matrix); library(glmnet) })
glmnet.control(fdev = 0, devmax = 1)

given <- commandArgs(trailingOnly = TRUE)
problem <- given[1]; out <- given[2]; kind <- given[3]
ratios <- as.numeric(strsplit(given[4], ",")[[1]])
folds <- as.integer(given[5]); intercept <- given[6] == "1"
tol <- as.numeric(given[7]); repeats <- as.integer(given[8]); budget <- as.numeric(given[9])

npy <- function(name) {  # version 1 of the format: 10 bytes, a header in words, the values
  file <- file(file.path(problem, name), "rb"); on.exit(close(file))
  start <- readBin(file, "raw", 10)
  header <- readChar(file, as.integer(start[9]) + 256L * as.integer(start[10]), useBytes = TRUE)
  shape <- gsub(" ", "", sub(".*'shape': *\\(([^)]*)\\).*", "\\1", header))
  shape <- as.numeric(strsplit(shape, ",")[[1]])
  whole <- grepl("'<i4'", header)
  stopifnot(whole || grepl("'<f8'", header))
  values <- readBin(file, if (whole) "integer" else "double", prod(shape), size = if (whole) 4 else 8)
  if (length(shape) == 2) dim(values) <- shape
  values
}

y <- npy("y.npy"); strengths <- npy("strengths.npy")
if (file.exists(file.path(problem, "X_dense.npy"))) {
  X <- npy("X_dense.npy")
} else {
  at <- npy("X_indptr.npy"); rows <- npy("X_indices.npy")
  X <- new("dgCMatrix", i = rows, p = at, x = npy("X_data.npy"),
           Dim = c(length(y), length(at) - 1L))
}
sd <- if (intercept) sqrt(mean((y - mean(y))^2)) else sqrt(mean(y^2))
alpha <- function(ratio) ratio / (ratio + (1 - ratio) * sd)
lambda <- function(ratio) strengths * (ratio + (1 - ratio) * sd)

path <- function(ratio) {
  glmnet(X, y, alpha = alpha(ratio), lambda = lambda(ratio), standardize = FALSE,
         intercept = intercept, thresh = tol, maxit = 1e8)
}
validated <- function() {
  n <- length(y)
  sizes <- rep(n %/% folds, folds) + (seq_len(folds) <= n %% folds)
  fold <- rep(seq_len(folds), sizes)
  best <- NULL
  for (ratio in ratios) {
    found <- cv.glmnet(X, y, alpha = alpha(ratio), lambda = lambda(ratio), foldid = fold,
                       standardize = FALSE, thresh = tol, maxit = 1e8)
    k <- which.min(found$cvm)
    if (is.null(best) || found$cvm[k] < best$error)
      best <- list(error = found$cvm[k], k = k, ratio = ratio, fit = found$glmnet.fit)
  }
  best
}
call <- if (kind == "cv") validated else function() path(ratios[1])

resident <- function(field) {
  if (!file.exists("/proc/self/status")) return(0)
  lines <- readLines("/proc/self/status")
  1024 * as.numeric(strsplit(grep(paste0("^", field), lines, value = TRUE), "\\s+")[[1]][2])
}
measured <- function() {
  gc(FALSE)
  try(cat("5", file = "/proc/self/clear_refs"), silent = TRUE)
  before <- resident("VmRSS")
  began <- Sys.time()
  result <- call()
  seconds <- as.numeric(difftime(Sys.time(), began, units = "secs"))
  list(result = result, seconds = seconds, memory = resident("VmHWM") - before)
}

one <- measured(); first <- one$seconds; first_memory <- one$memory
later <- c(); memory <- first_memory
while (length(later) < repeats && sum(later) + first <= budget) {
  one <- measured()
  later <- c(later, one$seconds)
  memory <- if (length(later) == 1) one$memory else max(memory, one$memory)
}
said <- ""
if (kind == "cv") {
  best <- one$result
  coef <- as.matrix(best$fit$beta[, best$k, drop = FALSE]); intercepts <- best$fit$a0[best$k]
  said <- sprintf('"strength": %.17g, "l1_ratio": %.17g, ', strengths[best$k], best$ratio)
} else {
  coef <- as.matrix(one$result$beta); intercepts <- one$result$a0
}
stopifnot(ncol(coef) == length(intercepts))
writeBin(as.double(coef), file.path(out, "coef.bin"))
writeBin(as.double(intercepts), file.path(out, "intercepts.bin"))
cat(sprintf('{%s"import": 0, "first": %.6f, "later": [%s], "first_memory": %.0f, "memory": %.0f, "products": {}, "columns": %d}',
            said, first, paste(sprintf("%.6f", later), collapse = ", "), first_memory, memory,
            ncol(coef)),
    file = file.path(out, "result.json"))
