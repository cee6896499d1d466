# People with one to three draws, and expected values for tests/test_usual_levels.py. Run: Rscript usual.R (in this folder)
# The components come from a likelihood written with matrices, its equations solved by Newton's method with numerical
# derivatives, the errors from totals of their influence by R's survey; one draw from svymean and svycontrast; balanced
# draws of a simple random sample also from aov. What is solved and differentiated numerically is good to 1e-9.
suppressMessages(library(survey))
options(digits = 17, survey.lonely.psu = "fail")
RNGkind("Mersenne-Twister", "Inversion", "Rejection"); set.seed(20261125)

people <- expand.grid(person = 1:10, cluster = 1:4, stratum = 1:5)
n <- nrow(people)
place <- rnorm(20, 0, 0.03)[people$cluster + 4 * (people$stratum - 1)]
usual <- exp(rnorm(n, log(0.82), 0.08) + place)
draw <- function(share) ifelse(runif(n) < share, round(usual * exp(rnorm(n, 0, 0.05)), 4), NA)
data <- data.frame(people[c("stratum", "cluster")], weight = round(runif(n, 50, 400)), first = draw(2), second = draw(0.6),
  third = draw(0.3), balanced = draw(2))
write.csv(data, "usual_input.csv", row.names = FALSE, quote = FALSE, na = "")

designs <- list(
  clusters = svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data),
  weights = svydesign(~1, weights = ~weight, data = data),
  simple = svydesign(~1, weights = ~rep(1, n), data = data))
sets <- list(unbalanced = c("first", "second", "third"), some = c("first", "second"), balanced = c("first", "balanced"))

differentiate <- function(f, x) sapply(seq_along(x), function(k) {
  h <- 1e-3 * max(abs(x[k]), 1e-3); e <- replace(numeric(length(x)), k, h)
  d <- function(s) (f(x + s * e) - f(x - s * e)) / (2 * s * h)
  (64 * d(0.25) - 20 * d(0.5) + d(1)) / 45
})

solve_equations <- function(scores, start, w) {
  total <- function(theta) colSums(w * scores(theta))
  for (i in 1:60) {
    step <- solve(differentiate(total, start), total(start))
    start <- start - step
    if (max(abs(step / start)) < 1e-13) break
  }
  stopifnot(max(abs(step / start)) < 1e-11)
  list(value = start, influence = -scores(start) %*% t(solve(differentiate(total, start))))
}

components_score <- function(draws, mean, between, within) t(apply(draws, 1, function(y) {
  y <- y[!is.na(y)]; k <- length(y)
  inverse <- solve(between * matrix(1, k, k) + within * diag(k))
  pull <- inverse %*% (y - mean)
  c(sum(pull), (sum(pull)^2 - sum(inverse)) / 2, (sum(pull^2) - sum(diag(inverse))) / 2)
}))

power_scores <- function(draws, theta) {
  power <- theta[1]; z <- (draws^power - 1) / power
  y <- draws[, 1]; r <- z[, 1] - theta[2]; s <- theta[3]
  speed <- (y^power * log(y) - z[, 1]) / power
  cbind(-r * speed / s + log(y), r / s, (r^2 / s^2 - 1 / s) / 2, components_score(z, theta[4], theta[5], theta[6]))
}

told <- function(fit, design, names) {
  frame <- as.data.frame(fit$influence); names(frame) <- paste0("i", seq_along(frame))
  design <- do.call(update, c(list(design), frame))
  v <- vcov(svytotal(as.formula(paste("~", paste(names(frame), collapse = "+"))), design))
  dimnames(v) <- list(names, names)
  structure(setNames(fit$value, names), var = v, class = "svystat")
}

out <- list()
keep <- function(design, draws, scale, term, stat) out[[length(out) + 1]] <<-
  data.frame(design, draws, scale, term, value = as.numeric(coef(stat)), std_error = as.numeric(SE(stat)))

for (d in names(designs)) {
  design <- designs[[d]]; w <- weights(design)
  for (s in names(sets)) {
    draws <- as.matrix(data[sets[[s]]])
    start <- c(0.82, 0.005, 0.002)
    fit <- solve_equations(function(t) components_score(draws, t[1], t[2], t[3]), start, w)
    stat <- told(fit, design, c("m", "b", "w"))
    asked <- list(mean = quote(m), sd_between = quote(sqrt(b)), sd_within = quote(sqrt(w)), cv_within = quote(sqrt(w) / m),
      icc = quote(b / (b + w)), usual_0.7 = quote(pnorm((0.7 - m) / sqrt(b))), usual_0.75 = quote(pnorm((0.75 - m) / sqrt(b))))
    for (term in names(asked)) keep(d, s, "normal", term, svycontrast(stat, asked[[term]]))
    z <- log(draws[, 1])
    v <- sum(w * z^2) / sum(w) - (sum(w * z) / sum(w))^2
    begin <- solve_equations(function(t) power_scores(draws, c(t, 1, 1, 1))[, 1:3], c(0.1, sum(w * z) / sum(w), v), w)$value
    y <- (draws^begin[1] - 1) / begin[1]
    inner <- solve_equations(function(t) components_score(y, t[1], t[2], t[3]), c(begin[2], begin[3] * 0.7, begin[3] * 0.3), w)$value
    fit <- solve_equations(function(t) power_scores(draws, t), c(begin, inner), w)
    stat <- told(fit, design, c("p", "m1", "s1", "m", "b", "w"))
    asked <- list(median = quote((1 + p * m)^(1 / p)), sd_between = quote(sqrt(b) * (1 + p * m)^(1 / p - 1)),
      sd_within = quote(sqrt(w) * (1 + p * m)^(1 / p - 1)), cv_within = quote(sqrt(w) / (1 + p * m)), icc = quote(b / (b + w)),
      lambda = quote(p), usual_0.7 = quote(pnorm(((0.7^p - 1) / p - m) / sqrt(b))),
      usual_0.75 = quote(pnorm(((0.75^p - 1) / p - m) / sqrt(b))),
      one_draw_0.75 = quote(pnorm(((0.75^p - 1) / p - m1) / sqrt(s1 - (1 + p * m1)^2 * (0.04^2 + 0.05^2 / 12 / (1 + p * m1)^(2 / p))))))
    for (term in names(asked)) keep(d, s, "box_cox", term, svycontrast(stat, asked[[term]]))
  }
  stat <- svymean(~first + I(first^2), design)
  names(stat) <- c("m", "q"); attr(stat, "var") <- matrix(attr(stat, "var"), 2, dimnames = list(c("m", "q"), c("m", "q")))
  keep(d, "one", "normal", "one_draw_0.75", svycontrast(stat, quote(pnorm((0.75 - m) / sqrt(q - m^2 - (0.04 * m)^2 - 0.05^2 / 12)))))
  keep(d, "one", "normal", "one_draw_0.7", svycontrast(stat, quote(pnorm((0.7 - m) / sqrt(q - m^2 - (0.04 * m)^2 - 0.05^2 / 12)))))
}

# A validation study of other people: its error is added.
known <- svymean(~first + I(first^2), designs$clusters)
names(known) <- c("m", "q")
other <- told(solve_equations(function(t) components_score(as.matrix(data[sets$balanced]), t[1], t[2], t[3]), c(0.82, 0.005, 0.002),
  weights(designs$simple)), designs$simple, c("m", "b", "w"))
spread <- svycontrast(other, quote(sqrt(w) / m))
v <- matrix(0, 3, 3, dimnames = list(c("m", "q", "cv"), c("m", "q", "cv")))
v[1:2, 1:2] <- vcov(known); v[3, 3] <- as.numeric(SE(spread))^2
both <- structure(c(coef(known), cv = as.numeric(coef(spread))), var = v, class = "svystat")
keep("clusters", "one", "normal", "other_people_0.75", svycontrast(both, quote(pnorm((0.75 - m) / sqrt(q - m^2 - (cv * m)^2)))))

# Balanced draws of a simple random sample by the table of variances; maximum likelihood divides by people, not by one less.
long <- data.frame(level = c(data$first, data$balanced), person = factor(rep(1:n, 2)))
table <- summary(aov(level ~ Error(person), long))
between <- table[[1]][[1]][["Mean Sq"]][1]; within <- table[[2]][[1]][["Mean Sq"]][1]
by_hand <- c(mean = mean(long$level), sd_between = sqrt(((n - 1) / n * between - within) / 2), sd_within = sqrt(within))
for (term in names(by_hand))
  out[[length(out) + 1]] <- data.frame(design = "simple", draws = "balanced", scale = "normal", term, value = by_hand[[term]], std_error = NA)

result <- do.call(rbind, out)
for (column in c("value", "std_error")) result[[column]] <- ifelse(is.na(result[[column]]), "", sprintf("%.17g", result[[column]]))
result$tolerance <- "1e-08"
write.csv(result, "usual_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
