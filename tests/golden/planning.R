# Expected values for tests/test_planning.py. Run: Rscript planning.R (in this folder)
# Sizes and power from R's power.prop.test and power.t.test; precision from qt and qbeta solved by uniroot; power of further
# trials by integrating over the effects that a meta-analysis leaves possible; regression to the mean by summing over counts
# and integrating over rates. Nothing of it uses the closed forms of the package. Solved sizes are good to 1e-8.
options(digits = 17)
rows <- list()
add <- function(what, value, a = NA, b = NA, c = NA, d = NA, e = NA, f = NA, choice = "", tolerance = 1e-9, reason = "")
  rows[[length(rows) + 1]] <<- data.frame(what, a, b, c, d, e, f, choice, value, tolerance, reason)

# a, b: shares; c: power; d: level; choice: sides. Value: people in one group.
for (p in list(c(0.1, 0.15), c(0.3, 0.2), c(0.02, 0.05))) for (power in c(0.8, 0.9)) for (level in c(0.95, 0.99)) {
  two <- power.prop.test(p1 = p[1], p2 = p[2], power = power, sig.level = 1 - level, tol = 1e-12)$n
  one <- power.prop.test(p1 = p[1], p2 = p[2], power = power, sig.level = 1 - level, alternative = "one.sided", tol = 1e-12)$n
  add("proportions size", two, p[1], p[2], power, level, choice = "two_sided")
  add("proportions size", one, p[1], p[2], power, level, choice = "one_sided")
}
for (n in c(30, 150)) for (strict in c(FALSE, TRUE))
  add("proportions power", power.prop.test(n = n, p1 = 0.1, p2 = 0.12, strict = strict)$power, 0.1, 0.12, n,
    choice = if (strict) "two_sided_strict" else "two_sided")

# a: difference, b: sd, c: power or people, d: level; choice: sides.
for (delta in c(0.4, 1, 3)) for (level in c(0.95, 0.9)) for (type in c("two.sample", "paired")) {
  kind <- if (type == "paired") "paired" else "parallel"
  add(paste(kind, "size"), power.t.test(delta = delta, sd = 2, power = 0.9, sig.level = 1 - level, type = type, tol = 1e-12)$n,
    delta, 2, 0.9, level, choice = "two_sided")
  add(paste(kind, "size"), power.t.test(delta = delta, sd = 2, power = 0.9, sig.level = 1 - level, type = type,
    alternative = "one.sided", tol = 1e-12)$n, delta, 2, 0.9, level, choice = "one_sided")
}
for (n in c(3, 12, 80)) for (strict in c(FALSE, TRUE))
  add("parallel power", power.t.test(n = n, delta = 0.2, sd = 1, strict = strict)$power, 0.2, 1, n, 0.95,
    choice = if (strict) "two_sided_strict" else "two_sided")

# a: prevalence, b: half width, c: level, d: icc, e: cluster size, f: strata.
solve <- function(width, goal, low, high) uniroot(function(n) width(n) - goal, c(low, high), tol = 1e-10)$root
for (p in c(0.05, 0.1, 0.4)) for (level in c(0.95, 0.9)) {
  tail <- (1 - level) / 2
  exact <- function(n) { m <- n - 1; (qbeta(1 - tail, p * m + 1, m - p * m) - qbeta(tail, p * m, m - p * m + 1)) / 2 }
  add("korn_graubard size", solve(exact, 0.03, 20, 1e5), p, 0.03, level)
  for (strata in c(1, 4)) {
    wald <- function(n) qt(1 - tail, n / 20 - strata) * sqrt((1 + 19 * 0.04) * p * (1 - p) / n)
    add("clustered size", solve(wald, 0.03, 20 * (strata + 1), 1e5), p, 0.03, level, 0.04, 20, strata)
  }
}

# a: estimate, b: its error, c: tau2, d: error of a further trial, e: assumed effect, f: trials. A benefit is below 0.
z <- qnorm(0.975)
given <- function(theta, estimate, se, tau2, new, trials, alone) {
  # Chance over the means of further trials, whose weights the analyst knows.
  own <- if (alone) 1 else trials
  spread <- sqrt((tau2 + new^2) / own)
  significant <- function(y) if (alone) y / new < -z else {
    w <- c(1 / se^2, trials / (tau2 + new^2))
    (w[1] * estimate + w[2] * y) / sqrt(sum(w)) < -z
  }
  edge <- uniroot(function(y) if (alone) y / new + z else {
    w <- c(1 / se^2, trials / (tau2 + new^2)); (w[1] * estimate + w[2] * y) / sqrt(sum(w)) + z }, c(-1e4, 1e4), tol = 1e-13)$root
  stopifnot(significant(edge - 1e-6), !significant(edge + 1e-6))
  pnorm((edge - theta) / spread)
}
for (tau2 in c(0, 0.1)) for (new in c(0.2, 0.8)) for (trials in c(1, 3)) for (alone in c(TRUE, FALSE)) {
  what <- paste(if (alone) "trial" else "update", "power")
  f <- function(theta) sapply(theta, given, -0.18, 0.34, tau2, new, trials, alone) * dnorm(theta, -0.18, 0.34)
  # The further trials share the average effect, which is what is uncertain.
  add(what, integrate(f, -0.18 - 12 * 0.34, -0.18 + 12 * 0.34, rel.tol = 1e-11, subdivisions = 2000)$value,
    -0.18, 0.34, tau2, new, NA, trials, tolerance = 1e-8)
  add(what, given(-0.7, -0.18, 0.34, tau2, new, trials, alone), -0.18, 0.34, tau2, new, -0.7, trials)
}

# a: mean rate, b: shape, c: weeks, d: the count from which people are chosen, e: weeks after, f: response.
for (rate in c(0.5, 4)) for (shape in c(0.6, 2.5)) for (least in c(1, 4, 12)) {
  weeks <- 2; after <- 4; response <- 0.8
  x <- least:4000
  chance <- dnbinom(x, size = shape, mu = rate * weeks)
  mean_of <- function(v) sum(chance * v) / sum(chance)
  over <- function(power) integrate(function(l) l^power * dgamma(l, shape, shape / rate) * ppois(least - 1, weeks * l, lower.tail = FALSE),
    0, Inf, rel.tol = 1e-12, subdivisions = 5000)$value
  both <- sapply(c(0, 1, 2), over)
  lasting <- both[2] / both[1]
  cross <- integrate(function(l) l * dgamma(l, shape, shape / rate) * weeks * l * ppois(least - 2, weeks * l, lower.tail = FALSE),
    0, Inf, rel.tol = 1e-12, subdivisions = 5000)$value / both[1]
  before <- mean_of(x / weeks)
  later <- response * lasting
  variance <- mean_of((x / weeks)^2) - before^2 + later / after + response^2 * (both[3] / both[1] - lasting^2) -
    2 * response * (cross / weeks - before * lasting)
  values <- c(chosen = sum(chance), before = before, after = later, sd_change = sqrt(variance))
  for (name in names(values)) add("regression to the mean", values[[name]], rate, shape, weeks, least, after, response,
    choice = name, tolerance = 1e-8)
}

table <- do.call(rbind, rows)
table$value <- sprintf("%.17g", table$value)
write.csv(table, "planning_expected.csv", row.names = FALSE, quote = FALSE, na = "")
