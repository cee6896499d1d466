# Reference limits of the invented survey, written in base R from the papers, for test_direct_limits.py and
# test_indirect_limits.py. Run in this folder: Rscript limits.R
#
# rank: quantile(type = 6) and binomial ranks; robust: the biweight of Horn, Pesce, Copeland 1998; robust_box_cox: the same on
# the scale of the profile likelihood of Box and Cox; reflim: truncation and quantile-quantile line, with quantile(type = 7)
# and lm(); dbinom, qnorm, qt, optimize are R's.
data <- read.csv("survey_input.csv")
data <- data[!is.na(data$magnesium_mmol_l), ]
rows <- list()
add <- function(method, group, what, value) {
  rows[[length(rows) + 1]] <<- data.frame(method, group, what, value = sprintf("%.17g", value), tolerance = 1e-8)
}

robust <- function(x, p) {
  n <- length(x)
  m <- median(x)
  s <- median(abs(x - m)) / 0.6745
  at <- m
  for (i in 1:500) {
    u <- (x - at) / (3.7 * s)
    w <- ifelse(abs(u) < 1, (1 - u^2)^2, 0)
    at <- sum(w * x) / sum(w)
  }
  parts <- function(u) {
    u <- u[abs(u) < 1]
    b <- sum((1 - u^2) * (1 - 5 * u^2))
    sum(u^2 * (1 - u^2)^4) / (b * max(1, b - 1))
  }
  wide <- (205.6 * s)^2 * n * parts((x - m) / (205.6 * s))
  near <- sqrt((3.7 * s)^2 * n * parts((x - m) / (3.7 * s)))
  place <- (3.7 * near)^2 * parts((x - at) / (3.7 * near))
  at + qt(p, n - 1) * sqrt(wide + place)
}

box_cox_power <- function(x) {
  y <- x / exp(mean(log(x)))
  loss <- function(power) {
    z <- if (abs(power) < 1e-12) log(y) else (y^power - 1) / power
    log(mean((z - mean(z))^2))
  }
  optimize(loss, c(-20, 20), tol = 1e-10)$minimum
}

reflim <- function(x) {
  skew <- function(v) {
    q <- quantile(v, c(.25, .5, .75), names = FALSE)
    (q[1] - 2 * q[2] + q[3]) / (q[3] - q[1])
  }
  logged <- skew(x) >= 0 && skew(x) - skew(log(x)) >= 0.05
  v <- sort(if (logged) log(x) else x)
  cut <- function(v, tail, before) {
    q <- quantile(v, c(.25, .5, .75), names = FALSE)
    reach <- qnorm(1 - tail) / qnorm(0.75 - before / 2) * min(q[2] - q[1], q[3] - q[2])
    v[v >= q[2] - reach & v <= q[2] + reach]
  }
  for (i in 1:5) v <- cut(v, 0.005 * i, 0.005 * (i - 1))
  repeat {
    n <- length(v)
    v <- cut(v, 0.025, 0.025)
    if (length(v) == n) break
  }
  k <- min(100, length(v))
  used <- floor(k / 20):ceiling(19 * k / 20)
  line <- lm(quantile(v, seq(0, 1, length.out = k))[used] ~ qnorm(seq(0.025, 0.975, length.out = k))[used])
  list(logged = logged, kept = length(v), line = unname(coef(line)))
}

groups <- list(all = rep(TRUE, nrow(data)), female = data$sex == "female", male = data$sex == "male")
for (group in names(groups)) {
  x <- sort(data$magnesium_mmol_l[groups[[group]]])
  n <- length(x)
  for (p in c(0.025, 0.975)) {
    add("rank", group, paste0("limit", p), quantile(x, p, type = 6, names = FALSE))
    low <- max(which(pbinom(0:(n - 1), n, p) <= 0.05))
    high <- min(which(pbinom(0:(n - 1), n, p, lower.tail = FALSE) <= 0.05))
    add("rank", group, paste0("low", p), x[low])
    add("rank", group, paste0("high", p), x[high])
    add("robust", group, paste0("limit", p), robust(x, p))
    power <- box_cox_power(x)
    centre <- exp(mean(log(x)))
    scaled <- robust(((x / centre)^power - 1) / power, p)
    add("robust_box_cox", group, paste0("limit", p), centre * (power * scaled + 1)^(1 / power))
  }
  # exp(6 x) is skewed, so that both distributions are tried.
  for (shape in c("plain", "skewed")) {
    fit <- reflim(if (shape == "plain") x else exp(6 * x))
    add("reflim", paste0(group, "-", shape), "lognormal", as.numeric(fit$logged))
    add("reflim", paste0(group, "-", shape), "kept", fit$kept)
    add("reflim", paste0(group, "-", shape), "location", fit$line[1])
    add("reflim", paste0(group, "-", shape), "scale", fit$line[2])
  }
}
write.csv(do.call(rbind, rows), "limits_expected.csv", row.names = FALSE, quote = FALSE)
