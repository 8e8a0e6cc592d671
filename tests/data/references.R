# Solutions of R's quantreg and glmnet as JSON, 17 digits a number: `python tests/reference_data.py`
# writes the rows to a folder, runs this with it and keeps what is printed in references.json.
#
# quantreg minimises the sum of pinball losses, method "br" (Barrodale and Roberts), which ends at a
# vertex. It warns where the solution may not be unique: `unique` says so.
# glmnet minimises mean(-log likelihood) + lambda sum |w|, standardize = FALSE, columns as given.

suppressMessages({
  library(quantreg)
  library(glmnet)
})

folder <- commandArgs(trailingOnly = TRUE)[1]

rows <- function(name) {
  k <- scan(file.path(folder, paste0(name, ".columns")), quiet = TRUE)
  file <- file.path(folder, paste0(name, ".f64"))
  data <- matrix(readBin(file, "double", file.size(file) / 8, endian = "little"), ncol = k)
  list(X = data[, -k, drop = FALSE], y = data[, k])
}

# JSON by hand: a number, a vector, a matrix as a list of its rows, a named list.
json <- function(x) {
  if (is.list(x)) {
    entries <- vapply(x, json, "")
    if (is.null(names(x))) return(paste0("[", paste(entries, collapse = ",\n"), "]"))
    return(paste0("{", paste0('"', names(x), '": ', entries, collapse = ",\n"), "}"))
  }
  if (is.matrix(x)) return(paste0("[", paste(apply(x, 1, json), collapse = ",\n"), "]"))
  if (is.character(x)) return(paste0('"', x, '"'))
  if (is.logical(x)) return(tolower(as.character(x)))
  paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
}

quantile_fit <- function(X, y, q) {
  unique <- TRUE
  found <- withCallingHandlers(rq.fit.br(cbind(1, X), y, tau = q), warning = function(w) {
    if (!grepl("nonunique", conditionMessage(w))) stop(w)
    unique <<- FALSE
    invokeRestart("muffleWarning")
  })
  list(q = q, unique = unique, beta = unname(found$coefficients))
}

d <- rows("diabetes")
quantiles <- lapply(c(0.1, 0.5, 0.9), function(q) quantile_fit(d$X, d$y, q))

stack <- as.matrix(stackloss)
lad <- quantile_fit(stack[, 1:3], stack[, 4], 0.5)
lad <- list(data = unname(stack), unique = lad$unique, beta = lad$beta)

# The path must not end early, and probabilities may come near 0 and 1.
glmnet.control(fdev = 0, devmax = 1, pmin = 1e-15)

c <- rows("cancer")
strengths <- c(0.1, 0.01, 0.001)
found <- glmnet(c$X, c$y, family = "binomial", lambda = strengths, standardize = FALSE,
                thresh = 1e-20, maxit = 1e8)
logistic <- list(strengths = strengths, intercept = unname(found$a0),
                 beta = t(unname(as.matrix(found$beta))))

i <- rows("iris")
strengths <- c(0.1, 0.02, 0.004)
found <- glmnet(i$X, factor(i$y), family = "multinomial", lambda = strengths,
                standardize = FALSE, thresh = 1e-20, maxit = 1e8)
multinomial <- list(
  strengths = strengths,
  fits = lapply(seq_along(strengths), function(k) {
    list(intercept = unname(found$a0[, k]),
         beta = unname(t(sapply(found$beta, function(b) as.matrix(b)[, k]))))
  })
)

cat(json(list(
  made_by = c(paste(R.version.string), paste("quantreg", packageVersion("quantreg")),
              paste("glmnet", packageVersion("glmnet"))) |> paste(collapse = ", "),
  diabetes_quantiles = quantiles,
  stackloss = lad,
  cancer_logistic = logistic,
  iris_multinomial = multinomial
)), "\n", sep = "")
