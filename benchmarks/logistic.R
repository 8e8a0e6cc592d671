# Times R's glmnet and keeps its coefficients, for logistic.py:
#   Rscript logistic.R FOLDER THRESHOLD REPEAT INTERCEPT
# Raw numbers, column by column: x.f64 (dense) or data.f64, indices.i32 and indptr.i32 (by columns),
# shape.i32, y.f64, l1.f64 and l2.f64. coef.f64 gets (columns + 1) numbers a strength.
suppressMessages(library(glmnet))
asked <- commandArgs(trailingOnly = TRUE)
size <- function(file) file.size(file) / ifelse(grepl("i32$", file), 4, 8)
read <- function(name) {
  file <- file.path(asked[1], name)
  what <- if (grepl("i32$", file)) "integer" else "double"
  readBin(file, what, size(file), endian = "little")
}
shape <- read("shape.i32")
if (file.exists(file.path(asked[1], "x.f64"))) {
  X <- matrix(read("x.f64"), ncol = shape[2])
} else {
  X <- new("dgCMatrix", x = read("data.f64"), i = read("indices.i32"), p = read("indptr.i32"),
           Dim = shape)
}
l1 <- read("l1.f64")
l2 <- read("l2.f64")
ratio <- l1[1] / (l1[1] + l2[1])
glmnet.control(fdev = 0, devmax = 1)
best <- c(Inf, Inf)  # wall and CPU seconds
for (k in seq_len(as.integer(asked[3]))) {
  taken <- system.time(found <- glmnet(X, read("y.f64"), family = "binomial", lambda = l1 + l2,
                                       alpha = ratio, standardize = FALSE, maxit = 1e7,
                                       thresh = as.numeric(asked[2]),
                                       intercept = asked[4] == "1"))
  best <- pmin(best, c(taken[["elapsed"]], taken[["user.self"]] + taken[["sys.self"]]))
}
coef <- rbind(as.vector(found$a0), as.matrix(found$beta))
writeBin(as.vector(coef), file.path(asked[1], "coef.f64"), endian = "little")
cat(best, "\n")
