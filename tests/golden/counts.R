# An invented survey of counts and expected values for tests/test_count_models.py and tests/test_ordinal.py, from base R's
# distributions and the variance of R's survey. Run: Rscript counts.R (in this folder)
#
# Each likelihood is written with base R's functions alone. Its slopes are central differences of five points in each linear
# predictor, good to 1e-11; Newton's steps end below 1e-11; the error is that of svytotal of the influences.
suppressMessages(library(survey))
set.seed(20261125)
strata <- 6; clusters <- 5; people <- 24
n <- strata * clusters * people
data <- data.frame(stratum = rep(seq_len(strata), each = clusters * people),
  cluster = rep(rep(seq_len(clusters), each = people), strata))
data$weight <- round(rgamma(n, 4, 0.01), 2) + 10
data$sex <- sample(c("female", "male"), n, TRUE)
data$age <- round(runif(n, 2, 9), 2)
data$weeks <- sample(c(1, 2, 4), n, TRUE)
proneness <- rep(rnorm(strata * clusters, 0, 0.25), each = people)
never <- rbinom(n, 1, plogis(-0.6 + 0.8 * (data$sex == "male")))
mean <- data$weeks * exp(-0.4 + 0.15 * data$age - 0.3 * (data$sex == "male") + proneness)
data$cramps <- ifelse(never == 1, 0, rnbinom(n, mu = mean, size = 1.5))
data$often <- cut(data$cramps, c(-1, 0, 1, 4, 15, Inf), labels = FALSE) - 1
write.csv(data, "counts_input.csv", row.names = FALSE)

X <- model.matrix(~sex + age, data); Z <- model.matrix(~sex, data); one <- matrix(1, n, 1, dimnames = list(NULL, "log(alpha)"))
y <- data$cramps; log_weeks <- log(data$weeks); k <- data$often
log_nb <- function(y, eta, d) dnbinom(y, mu = exp(eta), size = exp(-d), log = TRUE)
inflated <- function(z, f) ifelse(y == 0, log(plogis(z) + plogis(-z) * exp(f)), plogis(-z, log.p = TRUE) + f)
hurdle <- function(z, f, none) ifelse(y == 0, plogis(z, log.p = TRUE), plogis(-z, log.p = TRUE) + f - log1p(-exp(none)))
lows <- c(0, 1, 2, 5, 16); highs <- c(0, 1, 4, 15, Inf)
thresholds <- function(e) { t <- cbind(-Inf, do.call(cbind, e[-1]), Inf); list(t[cbind(seq_len(n), k + 2)], t[cbind(seq_len(n), k + 1)]) }
likelihoods <- list(
  negative_binomial = list(function(e) log_nb(y, e[[1]] + log_weeks, e[[2]]), list(count = X, dispersion = one)),
  zero_inflated_poisson = list(function(e) inflated(e[[2]], dpois(y, exp(e[[1]] + log_weeks), log = TRUE)), list(count = X, zero = Z)),
  zero_inflated_negative_binomial = list(function(e) inflated(e[[2]], log_nb(y, e[[1]] + log_weeks, e[[3]])),
    list(count = X, zero = Z, dispersion = one)),
  hurdle_poisson = list(function(e) hurdle(e[[2]], dpois(y, exp(e[[1]] + log_weeks), log = TRUE), -exp(e[[1]] + log_weeks)),
    list(count = X, zero = Z)),
  hurdle_negative_binomial = list(function(e) hurdle(e[[2]], log_nb(y, e[[1]] + log_weeks, e[[3]]), log_nb(0, e[[1]] + log_weeks, e[[3]])),
    list(count = X, zero = Z, dispersion = one)),
  ordinal = list(function(e) { t <- thresholds(e); log(pmax(plogis(t[[1]] - e[[1]]) - plogis(t[[2]] - e[[1]]), 0)) },
    c(list(location = X[, -1]), setNames(lapply(1:4, function(i) matrix(1, n, 1, dimnames = list(NULL, paste0(i - 1, "|", i)))), paste0("threshold", 1:4)))),
  grouped_negative_binomial = list(function(e) { m <- exp(e[[1]] + log_weeks); s <- exp(-e[[2]])
    log(pnbinom(highs[k + 1], mu = m, size = s) - pnbinom(lows[k + 1] - 1, mu = m, size = s)) }, list(count = X, dispersion = one)))
starts <- list(negative_binomial = c(0, 0, 0, 0), zero_inflated_poisson = c(0.5, 0, 0, -0.5, 0), zero_inflated_negative_binomial = c(0, 0, 0.1, -1, 0.5, -0.5),
  hurdle_poisson = c(0.5, 0, 0, 0, 0), hurdle_negative_binomial = c(0, 0, 0.1, 0, 0, -0.3), ordinal = c(0, 0, -1, 0, 1, 2), grouped_negative_binomial = c(0, 0, 0, 0))

h <- 1e-3
slope <- function(f, e, j) { at <- function(d) { e[[j]] <- e[[j]] + d; f(e) }; (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h) }
solve_it <- function(f, mats, weight, start) {
  ends <- cumsum(sapply(mats, ncol)); theta <- start; q <- length(mats)
  places <- Map(function(end, m) (end - ncol(m) + 1):end, ends, mats)
  predictors <- function(theta) Map(function(m, p) drop(m %*% theta[p]), mats, places)
  value <- function(theta) sum(weight * f(predictors(theta)))
  for (step in 1:100) {
    e <- predictors(theta)
    scores <- do.call(cbind, lapply(seq_len(q), function(j) mats[[j]] * slope(f, e, j)))
    H <- matrix(0, length(theta), length(theta))
    for (j in seq_len(q)) for (l in seq_len(q)) {
      d2 <- slope(function(e) slope(f, e, j), e, l)
      H[places[[j]], places[[l]]] <- crossprod(mats[[j]], weight * d2 * mats[[l]])
    }
    H <- (H + t(H)) / 2
    move <- drop(solve(-H, colSums(weight * scores)))
    if (max(abs(move)) < 1e-9) break  # the next one would be below 1e-11
    share <- 1; before <- value(theta)
    while (!is.finite(value(theta + share * move)) || value(theta + share * move) < before - 1e-9) share <- share / 2
    theta <- theta + share * move
  }
  stopifnot(step < 100)
  list(theta = theta, influence = scores %*% solve(-H), terms = unlist(lapply(mats, colnames)),
    parts = rep(names(mats), sapply(mats, ncol)), value = value(theta))
}
out <- list()
for (name in c("clusters", "simple")) {
  weight <- if (name == "simple") rep(1, n) else data$weight
  design <- if (name == "simple") svydesign(~1, weights = ~1, data = data) else
    svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data)
  for (family in names(likelihoods)) {
    fit <- solve_it(likelihoods[[family]][[1]], likelihoods[[family]][[2]], weight, starts[[family]])
    error <- SE(svytotal(fit$influence, design))
    out[[length(out) + 1]] <- data.frame(design = name, family, part = sub("[0-9]$", "", fit$parts), term = fit$terms,
      value = fit$theta, std_error = as.numeric(error), log_likelihood = fit$value * n / sum(weight))
  }
}
result <- do.call(rbind, out)
for (column in c("value", "std_error", "log_likelihood")) result[[column]] <- sprintf("%.17g", result[[column]])
write.csv(result, "counts_expected.csv", row.names = FALSE, quote = 1:4)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
