# Expected values for tests/test_synthesis_golden.py. Run: Rscript synthesis.R (in this folder)
# Effects from arms, Mantel-Haenszel, Peto, meta-regression, Egger, cumulative: metafor. Binomial-normal model: integrate() and
# optim(), beside lme4. Posterior: integrate().
suppressMessages({library(metafor); library(lme4); library(numDeriv)})
input <- data.frame(
  study = paste0("trial ", 1:9),
  events_treated = c(12, 0, 7, 30, 3, 0, 18, 5, 44), n_treated = c(60, 25, 41, 120, 33, 20, 66, 30, 210),
  events_control = c(20, 3, 9, 41, 2, 0, 21, 11, 50), n_control = c(58, 27, 39, 118, 30, 22, 64, 31, 205),
  mean_treated = c(4.4, 9.5, 2.1, 7.7, 3.3, 5.1, 6.0, 2.9, 4.0), sd_treated = c(5.7, 5.1, 1.4, 4.7, 2.9, 3.3, 4.4, 2.2, 3.1),
  mean_control = c(5.5, 7.7, 3.6, 8.1, 3.0, 6.2, 6.6, 4.4, 4.1), sd_control = c(4.9, 4.7, 2.2, 5.0, 2.5, 3.9, 4.1, 3.0, 3.3),
  time_treated = c(30.5, 12, 20, 61, 15.5, 9, 33, 14, 101), time_control = c(29, 13.5, 19, 60, 14, 10, 31, 16, 99),
  year = c(1995, 1999, 2002, 2008, 2011, 2012, 2015, 2017, 2021), since = c(-5, -1, 2, 8, 11, 12, 15, 17, 21), dose = c(10, 15, 12, 20, 8, 14, 12, 9, 11),
  group = rep(c("old", "pregnant", "other"), 3))
write.csv(input, "synthesis_input.csv", row.names = FALSE, quote = FALSE)
rows <- list()
add <- function(block, term, what, value, tolerance = 1e-8, reason = "") rows[[length(rows) + 1]] <<- data.frame(
  block, term, what, value = sprintf("%.15g", value), tolerance, reason)
d <- input
sizes <- list(
  mean_difference = escalc("MD", m1i = mean_treated, sd1i = sd_treated, n1i = n_treated, m2i = mean_control, sd2i = sd_control, n2i = n_control, data = d),
  ratio_of_means = escalc("ROM", m1i = mean_treated, sd1i = sd_treated, n1i = n_treated, m2i = mean_control, sd2i = sd_control, n2i = n_control, data = d))
counts <- d[d$study != "trial 6", ] # nobody in both arms: a ratio is not determined
for (measure in c("RR", "OR")) sizes[[c(RR = "risk_ratio", OR = "odds_ratio")[measure]]] <-
  escalc(measure, ai = events_treated, n1i = n_treated, ci = events_control, n2i = n_control, data = counts)
sizes$risk_difference <- escalc("RD", ai = events_treated, n1i = n_treated, ci = events_control, n2i = n_control, data = counts, to = "none")
sizes$rate_ratio <- escalc("IRR", x1i = events_treated, t1i = time_treated, x2i = events_control, t2i = time_control, data = counts)
sizes$rate_difference <- escalc("IRD", x1i = events_treated, t1i = time_treated, x2i = events_control, t2i = time_control, data = counts, to = "none")
for (name in names(sizes)) for (i in seq_len(nrow(sizes[[name]]))) {
  add(paste0("effect_", name), sizes[[name]]$study[i], "estimate", sizes[[name]]$yi[i])
  add(paste0("effect_", name), sizes[[name]]$study[i], "std_error", sqrt(sizes[[name]]$vi[i]))
}
for (measure in c("RR", "OR", "RD")) {
  fit <- rma.mh(ai = events_treated, n1i = n_treated, ci = events_control, n2i = n_control, data = d, measure = measure)
  name <- paste0("mantel_haenszel_", c(RR = "risk_ratio", OR = "odds_ratio", RD = "risk_difference")[measure])
  add(name, "pooled", "value", fit$beta[1]); add(name, "pooled", "std_error", fit$se)
}
fit <- rma.peto(ai = events_treated, n1i = n_treated, ci = events_control, n2i = n_control, data = d)
add("peto", "pooled", "value", fit$beta[1]); add("peto", "pooled", "std_error", fit$se)
md <- sizes$mean_difference
tight <- list(threshold = 1e-13, maxiter = 20000, stepadj = 0.5)
for (test in c("z", "knha")) {
  fit <- rma(yi, vi, mods = ~ dose + since, data = md, method = "REML", test = test, control = tight)
  for (i in 1:3) { add(paste0("moderators_", test), c("intercept", "dose", "since")[i], "estimate", fit$beta[i])
    add(paste0("moderators_", test), c("intercept", "dose", "since")[i], "std_error", fit$se[i]) }
  add(paste0("moderators_", test), "all", "statistic", fit$QM); add(paste0("moderators_", test), "all", "p", fit$QMp)
  add(paste0("moderators_", test), "all", "q", fit$QE)
}
parts <- lapply(unique(md$group), function(g) rma(yi, vi, data = md[md$group == g, ], method = "REML", control = tight))
for (i in seq_along(parts)) {
  add("subgroups", unique(md$group)[i], "estimate", parts[[i]]$beta[1]); add("subgroups", unique(md$group)[i], "std_error", parts[[i]]$se)
}
across <- rma(sapply(parts, function(f) f$beta[1]), sei = sapply(parts, function(f) f$se), method = "FE")
add("subgroups", "all", "q", across$QE); add("subgroups", "all", "p", across$QEp)
for (i in seq_len(nrow(md))) {
  fit <- rma(yi, vi, data = md[seq_len(i), ], method = if (i == 1) "FE" else "REML", control = if (i == 1) list() else tight)
  add("cumulative", md$study[i], "estimate", fit$beta[1]); add("cumulative", md$study[i], "std_error", fit$se)
}
fit <- summary(lm(yi ~ sqrt(vi), weights = 1 / vi, data = md))$coefficients
add("egger_linear", "small-study effect", "estimate", fit[2, 1]); add("egger_linear", "small-study effect", "std_error", fit[2, 2])
add("egger_linear", "small-study effect", "p", fit[2, 4]); add("egger_linear", "effect without error", "estimate", fit[1, 1])
# Binomial-normal model of the shares with an event in the control arms.
cases <- d$events_control; n <- d$n_control
loglik <- function(par) sum(mapply(function(x, size) {
  at <- optimize(function(u) dbinom(x, size, plogis(par[1] + par[2] * u), log = TRUE) + dnorm(u, log = TRUE), c(-8, 8), maximum = TRUE, tol = 1e-10)$maximum
  inside <- function(u) exp(dbinom(x, size, plogis(par[1] + par[2] * u), log = TRUE) + dnorm(u, log = TRUE))
  log(integrate(inside, at - 9, at, rel.tol = 1e-12, abs.tol = 0, subdivisions = 2000)$value + integrate(inside, at, at + 9, rel.tol = 1e-12, abs.tol = 0, subdivisions = 2000)$value)
}, cases, n))
best <- optim(c(-1.5, 0.5), loglik, control = list(fnscale = -1, reltol = 1e-15, maxit = 5000))
best <- optim(best$par, loglik, method = "BFGS", control = list(fnscale = -1, reltol = 1e-16, maxit = 500, ndeps = c(1e-4, 1e-4)))
for (step in 1:4) { h <- hessian(loglik, best$par); g <- grad(loglik, best$par); best$par <- best$par - solve(h, g) }
covariance <- solve(-hessian(loglik, best$par))
add("binomial_normal", "pooled", "logit", best$par[1]); add("binomial_normal", "pooled", "std_error", sqrt(covariance[1, 1]))
add("binomial_normal", "pooled", "tau", abs(best$par[2])); add("binomial_normal", "pooled", "log_likelihood", loglik(best$par))
glmm <- glmer(cbind(cases, n - cases) ~ 1 + (1 | seq_along(cases)), family = binomial, nAGQ = 25)
stopifnot(abs(fixef(glmm) - best$par[1]) < 1e-3, abs(sqrt(vcov(glmm)[1, 1]) - sqrt(covariance[1, 1])) < 1e-3)
# Posterior: flat mean, and a normal prior; half-normal spread.
for (prior in list(c(0.5, Inf), c(2, Inf), c(0.5, 0.7))) {
  scale <- prior[1]; known <- if (is.finite(prior[2])) 1 / prior[2]^2 else 0
  y <- md$yi; v <- md$vi
  cond <- function(tau) { w <- 1 / (v + tau^2); s <- sum(w) + known; m <- sum(w * y) / s; c(m, 1 / s, -(sum(log(v + tau^2)) + log(s) + sum(w * (y - m)^2) + known * m^2) / 2) }
  top <- max(sapply(seq(0, 5, 0.01), function(t) cond(t)[3] - (t / scale)^2 / 2))
  density <- function(tau) sapply(tau, function(t) exp(cond(t)[3] - (t / scale)^2 / 2 - top))
  whole <- function(f) { cuts <- scale * c(0, 0.1, 0.3, 0.6, 1, 2, 4, 9); sum(sapply(seq_along(cuts)[-1], function(i) integrate(f, cuts[i - 1], cuts[i], rel.tol = 1e-12, subdivisions = 5000)$value)) }
  total <- whole(density)
  mean <- whole(function(t) density(t) * sapply(t, function(u) cond(u)[1])) / total
  second <- whole(function(t) density(t) * sapply(t, function(u) cond(u)[2] + cond(u)[1]^2)) / total
  name <- sprintf("posterior_%g_%g", prior[1], prior[2])
  add(name, "effect", "mean", mean); add(name, "effect", "sd", sqrt(second - mean^2))
  below <- function(x, other = 0) whole(function(t) density(t) * sapply(t, function(u) { z <- cond(u); pnorm((x - z[1]) / sqrt(z[2] + other * u^2)) })) / total
  for (x in c(-1, -0.5, 0)) { add(name, as.character(x), "below", below(x)); add(name, as.character(x), "below_new", below(x, 1)) }
  add(name, "effect", "median", uniroot(function(x) below(x) - 0.5, c(-3, 3), tol = 1e-12)$root); add(name, "effect", "low", uniroot(function(x) below(x) - 0.025, c(-5, 3), tol = 1e-12)$root)
  add(name, "another study", "high", uniroot(function(x) below(x, 1) - 0.975, c(-3, 9), tol = 1e-12)$root)
  mass <- function(end) integrate(density, 0, end, rel.tol = 1e-12, subdivisions = 5000)$value / total
  add(name, "spread", "median", uniroot(function(x) mass(x) - 0.5, c(1e-6, 5), tol = 1e-12)$root); add(name, "spread", "high", uniroot(function(x) mass(x) - 0.975, c(1e-6, 9), tol = 1e-12)$root)
}
write.csv(do.call(rbind, rows), "synthesis_expected.csv", row.names = FALSE, quote = FALSE)
