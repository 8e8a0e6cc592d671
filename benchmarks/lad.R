# Times R's quantreg and keeps its coefficients, for lad.py:
#   Rscript lad.R FOLDER COLUMNS METHOD REPEAT QUANTILE...
# x.f64 and y.f64 are raw float64, column by column; coef.f64 gets (columns + 1) numbers a quantile.
suppressMessages(library(quantreg))
asked <- commandArgs(trailingOnly = TRUE)
read <- function(name) {
  file <- file.path(asked[1], name)
  readBin(file, "double", file.size(file) / 8, endian = "little")
}
p <- as.integer(asked[2])
X <- cbind(1, matrix(read("x.f64"), ncol = p))
y <- read("y.f64")
fitter <- list(fn = rq.fit.fnb, pfn = rq.fit.pfn)[[asked[3]]]
quantiles <- as.numeric(asked[-(1:4)])
best <- cpu <- Inf
for (k in seq_len(as.integer(asked[4]))) {
  taken <- system.time(found <- sapply(quantiles, function(q) fitter(X, y, tau = q)$coefficients))
  best <- min(best, taken[["elapsed"]])
  cpu <- min(cpu, taken[["user.self"]] + taken[["sys.self"]])
}
writeBin(as.vector(found), file.path(asked[1], "coef.f64"), endian = "little")
cat(best, cpu, as.character(packageVersion("quantreg")), "\n")
