# Expected values for tests/test_rounding.py from base R and R's survey. Run: Rscript rounding.R (in this folder)
#
# The likelihood of cells is written down as a formula, differentiated symbolically by deriv3, started by optim and brought to
# its maximum by Newton's method; errors come from svytotal of the influence of each person.
suppressMessages(library(survey))
options(digits = 17, survey.lonely.psu = "fail")
data <- read.csv("survey_input.csv")
# Reported so coarsely that rounding matters.
data$coarse <- round(floor(data$magnesium_mmol_l / 0.04 + 0.5 + 1e-9) * 0.04, 2)
out <- list()

arcsinh <- function(x) sprintf("log(%s + sqrt(1 + (%s)^2))", x, x)
score <- list(
  normal = function(x) sprintf("(%s - p1) / p2", x),
  lognormal = function(x) sprintf("(log(%s) - log(p1)) / p2", x),
  box_cox = function(x) sprintf("((%s / p1)^p3 - 1) / (p3 * p2)", x),
  sinh_arcsinh = function(x) sprintf("sinh(p4 * %s - p3)", arcsinh(sprintf("((%s - p1) / p2)", x))))
starts <- list(normal = c(0.82, 0.06), lognormal = c(0.82, 0.07), box_cox = c(0.82, 0.07, 1.2), sinh_arcsinh = c(0.82, 0.06, 0.01, 1.05))
terms <- list(normal = c("mean", "sd"), lognormal = c("median", "log_sd"), box_cox = c("median", "relative_sd", "power"),
  sinh_arcsinh = c("location", "scale", "skew", "tail"))

# Functions of the parameters, of the lower and the upper end a and b of a cell.
made <- function(distribution) {
  names <- paste0("p", seq_along(starts[[distribution]])); z <- score[[distribution]]
  build <- function(text) deriv3(parse(text = text), names, function.arg = c("a", "b", names))
  list(between = build(sprintf("log(pnorm(%s) - pnorm(%s))", z("b"), z("a"))),
    below = build(sprintf("log(pnorm(%s))", z("b"))), above = build(sprintf("log(pnorm(-(%s)))", z("a"))),
    share = build(sprintf("pnorm(%s)", z("b"))))
}
call <- function(f, a, b, p) do.call(f, c(list(a, b), as.list(p)))

fit <- function(distribution, x, w, step, lowest, highest) {
  f <- made(distribution); h <- step / 2
  kind <- ifelse(x <= lowest + h / 2, "below", ifelse(x >= highest - h / 2, "above", "between"))
  parts <- function(p) {
    value <- numeric(length(x)); k <- length(p); first <- matrix(0, length(x), k); second <- array(0, c(length(x), k, k))
    for (one in unique(kind)) {
      rows <- kind == one
      at <- if (one == "below") lowest else if (one == "above") highest else x[rows]
      e <- call(f[[one]], rep(at - h, length.out = sum(rows)), rep(at + h, length.out = sum(rows)), p)
      value[rows] <- e; first[rows, ] <- attr(e, "gradient"); second[rows, , ] <- attr(e, "hessian")
    }
    list(value = value, first = first, second = second)
  }
  s <- w / sum(w)
  loss <- function(p) { v <- suppressWarnings(-sum(s * parts(p)$value)); if (is.finite(v)) v else 1e10 }
  p <- optim(starts[[distribution]], loss, control = list(reltol = 1e-12, maxit = 5000))$par
  for (i in 1:30) {
    e <- parts(p); hessian <- apply(e$second * s, 2:3, sum); step <- solve(hessian, colSums(e$first * s))
    p <- p - step
    if (max(abs(step / p)) < 1e-15) break
  }
  e <- parts(p); hessian <- apply(e$second * w, 2:3, sum)
  stopifnot(max(abs(colSums(e$first * s))) < 1e-9, all(eigen(-hessian)$values > 0))
  list(p = p, influence = e$first %*% solve(-hessian), f = f)
}

describe <- function(name, design, column, step, lowest, highest) {
  design <- update(design, asked = !is.na(get(column)))
  inside <- subset(design, asked)
  x <- pmin(pmax(model.frame(inside)[[column]], lowest), highest); w <- weights(inside)
  for (distribution in names(score)) {
    found <- fit(distribution, x, w, step, lowest, highest); p <- found$p
    # Of the whole design, people outside the domain with no influence, as everywhere else.
    spread <- function(influence) {
      all <- matrix(0, length(weights(design)), ncol(influence)); all[!is.na(data_of(design)[[column]]), ] <- influence
      vcov(svytotal(all, design))
    }
    add <- function(quantity, value, se, at = NA) out[[length(out) + 1]] <<- data.frame(design = name, column, step,
      lowest = if (is.finite(lowest)) lowest else NA, highest = if (is.finite(highest)) highest else NA, distribution,
      quantity, at, value, std_error = se)
    add_all <- function(quantities, values, slopes, at = NA) {
      se <- sqrt(diag(slopes %*% spread(found$influence) %*% t(slopes)))
      for (i in seq_along(values)) add(quantities[i], values[i], se[i], at[min(i, length(at))])
    }
    add_all(terms[[distribution]], p, diag(length(p)))
    for (cutoff in c(0.70, 0.75, 0.90)) {
      e <- call(found$f$share, NA_real_, cutoff, p)
      add_all("prevalence", as.numeric(e), matrix(attr(e, "gradient"), 1), cutoff)
    }
    # Moments by integrating the density.
    z <- function(v) eval(parse(text = score[[distribution]]("v")), c(list(v = v), setNames(as.list(p), paste0("p", seq_along(p)))))
    slope <- function(v) { d <- D(parse(text = score[[distribution]]("v"))[[1]], "v"); eval(d, c(list(v = v), setNames(as.list(p), paste0("p", seq_along(p))))) }
    moment <- function(g) integrate(function(v) g(v) * dnorm(z(v)) * slope(v), 1e-6, 1.6, rel.tol = 1e-12, subdivisions = 2000L)$value
    m <- moment(function(v) v); add("mean", m, NA)
    # What a power leaves beyond 0 is taken as 0.
    beyond <- if (distribution == "box_cox") pnorm(-1 / (p[2] * p[3])) else 0
    add("sd", sqrt(moment(function(v) (v - m)^2) + beyond * m^2), NA)
    misfit(found, design, x, w, distribution, column, step, add, spread)
  }
}
data_of <- function(design) design$variables

misfit <- function(found, design, x, w, distribution, column, step, add, spread) {
  values <- seq(round(min(x), 2), max(x) + step / 4, by = step)
  share <- call(found$f$share, rep(NA_real_, length(values)), values + step / 2, found$p)
  below <- as.numeric(share); slope <- attr(share, "gradient")
  below[length(values)] <- 1; slope[length(values), ] <- 0
  expected <- diff(c(0, below)); slope <- slope - rbind(0, slope[-nrow(slope), , drop = FALSE])
  least <- max(0.005, 5 / length(x)); pool <- integer(length(values)); number <- 1; held <- 0
  for (i in seq_along(values)) { pool[i] <- number; held <- held + expected[i]; if (held >= least) { number <- number + 1; held <- 0 } }
  pool <- pmin(pool, number - 1)
  cell <- pool[round((x - values[1]) / step) + 1]
  expected <- tapply(expected, pool, sum); slope <- rowsum(slope, pool)
  observed <- as.numeric(tapply(w, factor(cell, seq_along(expected)), sum)) / sum(w); observed[is.na(observed)] <- 0
  apart <- sweep(outer(cell, seq_along(expected), "=="), 2, observed) / sum(w) - found$influence %*% t(slope)
  inflated <- length(x) * spread(apart) / sqrt(outer(expected, expected))
  chi <- length(x) * sum((observed - expected)^2 / expected); trace <- sum(diag(inflated))
  df <- trace^2 / sum(inflated^2); denominator <- df * degf(subset(design, asked))
  add("misfit chi_square", chi, NA); add("misfit statistic", chi / trace, NA); add("misfit df", df, NA)
  add("misfit p_value", pf(chi / trace, df, denominator, lower.tail = FALSE), NA)
}

paired <- subset(data, stratum != 7)
designs <- list(clusters = svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = paired),
  clusters_fpc = svydesign(~cluster, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum, nest = TRUE, data = paired),
  strata = svydesign(~1, strata = ~stratum, weights = ~weight, data = data),
  weights = svydesign(~1, weights = ~weight, data = data), simple = svydesign(~1, weights = ~rep(1, nrow(data)), data = data))
for (name in names(designs)) {
  describe(name, designs[[name]], "magnesium_mmol_l", 0.01, -Inf, Inf)
  describe(name, designs[[name]], "coarse", 0.04, -Inf, Inf)
  describe(name, designs[[name]], "coarse", 0.04, 0.72, 0.92)
}
result <- do.call(rbind, out)

# R's svymle of the normal distribution on the coarse column.
inside <- subset(update(designs$clusters, asked = !is.na(coarse), zero = 0), asked)
log_cell <- function(x, mean, log_sd) log(pnorm((x + 0.02 - mean) / exp(log_sd)) - pnorm((x - 0.02 - mean) / exp(log_sd)))
gradient <- function(x, mean, log_sd) {
  s <- exp(log_sd); u <- (x + 0.02 - mean) / s; l <- (x - 0.02 - mean) / s; p <- pnorm(u) - pnorm(l)
  cbind((dnorm(l) - dnorm(u)) / s / p, (l * dnorm(l) - u * dnorm(u)) / p)
}
mle <- svymle(log_cell, gradient, design = inside, formulas = list(mean = coarse ~ offset(zero), log_sd = ~offset(zero)),
  start = list(c(0.82), c(log(0.06))), control = list(reltol = 1e-14, ndeps = c(1e-4, 1e-4)), method = "BFGS")
result$tolerance <- "1e-08"; result$reason <- ""
own <- data.frame(design = "clusters", column = "coarse", step = 0.04, lowest = NA, highest = NA, distribution = "normal",
  quantity = c("mean", "sd"), at = NA, value = c(coef(mle)[1], exp(coef(mle)[2])),
  std_error = sqrt(diag(vcov(mle))) * c(1, exp(coef(mle)[2])), tolerance = "1e-06", reason = "svymle: optim stops early")
result <- rbind(result, own)

for (column in c("at", "lowest", "highest", "value", "std_error"))
  result[[column]] <- ifelse(is.na(result[[column]]), "", sprintf("%.17g", result[[column]]))
write.csv(result, "rounding_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
