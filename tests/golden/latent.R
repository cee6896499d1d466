# Expected values for tests/test_latent_classes.py. Run: Rscript latent.R (in this folder)
# Latent classes by Newton's method on numerical derivatives of the weighted log-likelihood, written with the state as a sum over
# its two values and no analytic score; errors from the scores of the people by survey's linearization.
suppressMessages(library(survey))
options(digits = 17, survey.lonely.psu = "fail")
set.seed(20261125)

# 8 strata of 3 clusters of 30 people, unequal weights; the state is commoner in the south, and runs in clusters.
frame <- expand.grid(person = 1:30, cluster = 1:3, stratum = 1:8)
frame$region <- ifelse(frame$stratum <= 4, "north", "south")
effect <- rnorm(24, 0, 0.4)
state <- rbinom(nrow(frame), 1, plogis(ifelse(frame$region == "north", -1.4, 0.2) + effect[(frame$stratum - 1) * 3 + frame$cluster]))
frame$weight <- round(exp(rnorm(24, 3, 0.4))[(frame$stratum - 1) * 3 + frame$cluster] * runif(nrow(frame), 0.7, 1.3), 2)
found <- c(serum = 0.75, ionised = 0.85, urine = 0.8, retention = 0.9)
cleared <- c(serum = 0.92, ionised = 0.88, urine = 0.9, retention = 0.85)
for (m in names(found)) frame[[m]] <- rbinom(nrow(frame), 1, ifelse(state == 1, found[m], 1 - cleared[m]))
data <- frame[c("stratum", "cluster", "weight", "region", names(found))]
write.csv(data, "latent_input.csv", row.names = FALSE, quote = FALSE)
tuberculin <- data.frame(stratum = 1, cluster = 1:1877, weight = 1, rbind(
  data.frame(mantoux = rep(c(1, 1, 0, 0), c(14, 4, 9, 528)), tine = rep(c(1, 0, 1, 0), c(14, 4, 9, 528)), region = "first"),
  data.frame(mantoux = rep(c(1, 1, 0, 0), c(887, 31, 37, 367)), tine = rep(c(1, 0, 1, 0), c(887, 31, 37, 367)), region = "second")))

# Central differences, twice extrapolated.
slopes <- function(f, x) sapply(seq_along(x), function(i) {
  d <- function(h) { e <- replace(0 * x, i, h); (f(x + e) - f(x - e)) / (2 * h) }
  a <- d(0.02); b <- d(0.01); c <- d(0.005); u <- (4 * b - a) / 3; v <- (4 * c - b) / 3; (16 * v - u) / 15 })
rows <- function(theta, y, group) {
  k <- nlevels(group); j <- ncol(y)
  p <- plogis(theta[1:k])[group]; se <- plogis(theta[k + 1:j]); sp <- plogis(theta[k + j + 1:j])
  ill <- p; well <- 1 - p
  for (m in 1:j) { ill <- ill * ifelse(y[, m] == 1, se[m], 1 - se[m]); well <- well * ifelse(y[, m] == 1, 1 - sp[m], sp[m]) }
  log(ill + well)
}
out <- list()
describe <- function(case, design, markers, by) {
  d <- model.frame(design); w <- weights(design); y <- as.matrix(d[markers])
  group <- factor(if (by == "") rep("all", nrow(d)) else d[[by]]); k <- nlevels(group); j <- length(markers)
  total <- function(theta) sum(w * rows(theta, y, group)) / sum(w)
  start <- c(rep(-0.5, k), rep(1.5, j), rep(2, j))
  theta <- optim(start, total, method = "BFGS", control = list(fnscale = -1, maxit = 500, reltol = 1e-14))$par
  gradient <- function(theta) colSums(w * slopes(function(t) rows(t, y, group), theta)) / sum(w)
  for (i in 1:12) { h <- slopes(gradient, theta); theta <- theta - drop(solve(h, gradient(theta))) }
  stopifnot(max(abs(gradient(theta))) < 1e-11, eigen(-(h + t(h)) / 2)$values > 0)
  scores <- slopes(function(t) rows(t, y, group), theta)
  influence <- scores %*% solve(-(h + t(h)) / 2) / sum(w)
  covariance <- vcov(svytotal(influence, design))
  value <- plogis(theta); slope <- value * (1 - value)
  se <- sqrt(diag(covariance)) * slope
  q <- qt(0.975, degf(design)); reach <- q * sqrt(diag(covariance))
  terms <- c(rep("prevalence", k), paste("sensitivity", markers), paste("specificity", markers))
  out[[length(out) + 1]] <<- data.frame(case, markers = paste(markers, collapse = " "), by, term = terms,
    population = c(levels(group), rep("all", 2 * j)), value, std_error = se, conf_low = plogis(theta - reach), conf_high = plogis(theta + reach),
    df = degf(design), fit = 2 * sum(w) * total(theta) * nrow(d) / sum(w))
}
clusters <- svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data)
simple <- svydesign(~1, weights = ~1, data = data)
three <- c("serum", "ionised", "urine"); four <- c(three, "retention")
describe("clusters", clusters, three, "")
describe("clusters", clusters, four, "")
describe("clusters", clusters, four, "region")
describe("clusters", clusters, c("serum", "retention"), "region")
describe("simple", simple, four, "")
describe("south", subset(clusters, region == "south"), four, "")
describe("tuberculin", svydesign(~1, weights = ~1, data = tuberculin), c("mantoux", "tine"), "region")
result <- do.call(rbind, out)
for (column in c("value", "std_error", "conf_low", "conf_high", "fit")) result[[column]] <- sprintf("%.17g", result[[column]])
result$tolerance <- "1e-08"
write.csv(result, "latent_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
