# Expected values for tests/test_imperfect_tests.py. Run: Rscript imperfect.R (in this folder)
# Delta method: svycontrast of survey on the shares of a survey and of two validations, each with its own design.
# Melded limits and posteriors: integrals within integrals by R's own integrate(), written from the definitions.
suppressMessages(library(survey))
options(digits = 17, survey.lonely.psu = "fail")
out <- list()
add <- function(what, case, values, tolerance = 1e-8) for (name in names(values))
  out[[length(out) + 1]] <<- data.frame(what, case, name, value = as.numeric(values[[name]]), tolerance)

data <- subset(read.csv("survey_input.csv"), stratum != 7)
designs <- list(clusters = svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data),
  simple = svydesign(~1, weights = ~1, data = data))
validation <- function(correct, tested) {
  svymean(~y, svydesign(~1, weights = ~1, data = data.frame(y = rep(1:0, c(correct, tested - correct)))))
}
for (name in names(designs)) for (domain in c("all", "female")) {
  design <- if (domain == "all") designs[[name]] else subset(designs[[name]], sex == domain)
  parts <- list(svymean(~cramps, design), validation(80, 100), validation(190, 200))
  v <- diag(sapply(parts, function(p) as.numeric(vcov(p)))); x <- sapply(parts, function(p) as.numeric(coef(p)))
  names(x) <- c("a", "s", "k"); dimnames(v) <- list(names(x), names(x))
  both <- structure(x, var = v, class = "svystat", statistic = "mean")
  found <- svycontrast(both, quote((a + k - 1) / (s + k - 1)))
  # Satterthwaite's degrees of freedom from the three parts.
  gradient <- attr(eval(deriv(quote((a + k - 1) / (s + k - 1)), names(x)), as.list(x)), "gradient")
  each <- as.numeric(gradient)^2 * diag(v); df <- sum(each)^2 / sum(each^2 / c(degf(design), 99, 199))
  reach <- qt(0.975, df) * as.numeric(SE(found))
  add("delta", paste(name, domain), list(estimate = coef(found), std_error = SE(found), df = df,
    conf_low = coef(found) - reach, conf_high = coef(found) + reach))
}

# The share of the melded distribution above a prevalence q: t is the confidence distribution of the apparent prevalence, f of
# the false positives, s of the sensitivity; the integrals run over the quantiles' range of f and s.
integral <- function(f, low, high) if (high <= low) 0 else integrate(f, low, high, rel.tol = 1e-10, abs.tol = 1e-12, subdivisions = 2000)$value
above <- function(q, t, f, s) {
  ends <- function(b) qbeta(c(1e-14, 1 - 1e-14), b[1], b[2])
  ef <- ends(f); es <- ends(s)
  integral(function(ss) sapply(ss, function(one) dbeta(one, s[1], s[2]) *
    integral(function(ff) dbeta(ff, f[1], f[2]) * pbeta(ff + q * (one - ff), t[1], t[2], lower.tail = FALSE), ef[1], min(ef[2], one))),
    es[1], es[2])
}
melded <- function(x, n, wrong, healthy, right, ill, level = 0.95) {
  tail <- (1 - level) / 2
  low <- function(q) above(q, c(x, n - x + 1), c(wrong + 1, healthy - wrong), c(right + 1, ill - right)) - (1 - tail)
  high <- function(q) above(q, c(x + 1, n - x), c(wrong, healthy - wrong + 1), c(right, ill - right + 1)) - tail
  root <- function(f) if (f(0) <= 0) 0 else uniroot(f, c(0, 1), tol = 1e-12)$root
  c(conf_low = root(low), conf_high = root(high))
}
for (q in list(c(30, 200, 10, 200, 80, 100), c(100, 1000, 10, 100, 60, 75), c(37.5, 190.2, 12, 60, 20, 60), c(60, 200, 20, 60, 30, 60)))
  add("melded", paste(q, collapse = " "), as.list(do.call(melded, as.list(q))))

# Posteriors: sensitivity and specificity beta, prior beta.
posterior <- function(x, n, s, c, prior = c(1, 1)) {
  ends <- function(b) qbeta(c(1e-14, 1 - 1e-14), b[1], b[2])
  es <- ends(s); ec <- ends(c); top <- dbinom(x, n, x / n, log = TRUE)
  density <- function(p) sapply(p, function(pp) dbeta(pp, prior[1], prior[2]) * integral(function(ss) sapply(ss, function(one)
    dbeta(one, s[1], s[2]) * integral(function(cc) dbeta(cc, c[1], c[2]) * exp(dbinom(x, n, pp * one + (1 - pp) * (1 - cc), log = TRUE) - top),
    ec[1], ec[2])), es[1], es[2]))
  whole <- integral(density, 0, 1)
  mean <- integral(function(p) p * density(p), 0, 1) / whole
  below <- function(p) integral(density, 0, p) / whole
  quantile <- function(q) uniroot(function(p) below(p) - q, c(0, 1), tol = 1e-10)$root
  list(estimate = mean, std_error = sqrt(integral(function(p) (p - mean)^2 * density(p), 0, 1) / whole), median = quantile(0.5),
    conf_low = quantile(0.025), conf_high = quantile(0.975))
}
# uniroot stops at 1e-10.
add("posterior", "10 100 81 21 96 6 1 1", posterior(10, 100, c(81, 21), c(96, 6)), 1e-7)
add("posterior", "12 60 13 9 20 5 2 3", posterior(12, 60, c(13, 9), c(20, 5), c(2, 3)), 1e-7)
write.csv(do.call(rbind, out), "imperfect_expected.csv", row.names = FALSE, quote = FALSE)
