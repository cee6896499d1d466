# Expected values for tests/test_effects_golden.py by stacked estimating equations, written out for every row, their slopes by
# numerical differentiation, and R's survey for the design. Run: Rscript effects.R (in this folder)
suppressMessages(library(survey))
data <- read.csv("survey_input.csv")
data$low <- as.numeric(data$magnesium_mmol_l < 0.78)
paired <- subset(data, stratum != 7)
tight <- glm.control(epsilon = 1e-15, maxit = 200)
out <- list()

# Slopes of a function of several numbers: central differences with two Richardson steps.
slopes <- function(f, at) sapply(seq_along(at), function(j) {
  h <- 1e-3 * max(abs(at[j]), 0.1)
  d <- sapply(c(1, 2, 4), function(k) { e <- replace(numeric(length(at)), j, h / k); (f(at + e) - f(at - e)) / (2 * h / k) })
  d <- matrix(d, ncol = 3); once <- (4 * d[, 2:3] - d[, 1:2]) / 3
  once <- matrix(once, ncol = 2); (16 * once[, 2] - once[, 1]) / 15
})

describe <- function(name, design) {
  rows <- model.frame(design); w <- weights(design)
  y <- rows$low; a <- rows$cramps; age <- rows$age_years; female <- rows$sex == "female"
  other <- function(a, female) cbind(1, a, !female, age, a * !female)
  propensity_matrix <- cbind(1, !female, age); outcome_matrix <- other(a, female)
  gamma <- coef(svyglm(cramps ~ sex + age_years, design, family = quasibinomial(), control = tight))
  beta <- coef(svyglm(low ~ cramps + sex + age_years + cramps:sex, design, family = quasibinomial(), control = tight))
  names <- c("g1", "g0", "treated1", "treated0", "observed", "m11", "m10", "m01", "m00", "slope",
    "average1", "average0", "att1", "att0", "untreated1", "untreated0", "overlap1", "overlap0", "aipw1", "aipw0", "aipwt1", "aipwt0")
  equations <- function(theta) {
    g <- theta[1:3]; b <- theta[4:8]; m <- setNames(theta[-(1:8)], names)
    e <- drop(plogis(propensity_matrix %*% g)); p <- function(a, female) drop(plogis(other(a, female) %*% b))
    here <- p(a, female); p1 <- p(1, female); p0 <- p(0, female)
    cbind(propensity_matrix * (a - e), outcome_matrix * (y - here),
      p1 - m["g1"], p0 - m["g0"], a * (p1 - m["treated1"]), a * (p0 - m["treated0"]), y - m["observed"],
      p(1, TRUE) - m["m11"], p(1, FALSE) - m["m10"], p(0, TRUE) - m["m01"], p(0, FALSE) - m["m00"],
      b[4] * here * (1 - here) - m["slope"],
      a / e * (y - m["average1"]), (1 - a) / (1 - e) * (y - m["average0"]),
      a * (y - m["att1"]), (1 - a) * e / (1 - e) * (y - m["att0"]),
      a * (1 - e) / e * (y - m["untreated1"]), (1 - a) * (y - m["untreated0"]),
      a * (1 - e) * (y - m["overlap1"]), (1 - a) * e * (y - m["overlap0"]),
      p1 + a / e * (y - p1) - m["aipw1"], p0 + (1 - a) / (1 - e) * (y - p0) - m["aipw0"],
      a * (y - m["aipwt1"]), a * p0 + (1 - a) * e / (1 - e) * (y - p0) - a * m["aipwt0"])
  }
  total <- function(theta) colSums(w * equations(theta))
  theta <- c(gamma, beta, rep(0.3, length(names)))
  for (step in 1:4) { bread <- slopes(total, theta); theta <- theta - solve(bread, total(theta)) }
  stopifnot(max(abs(total(theta))) < 1e-6, max(abs(theta[1:8] - c(gamma, beta))) < 1e-8)
  influence <- -equations(theta) %*% t(solve(slopes(total, theta)))
  columns <- paste0("v", seq_along(theta)); design$variables[columns] <- as.data.frame(influence)
  covariance <- vcov(svytotal(reformulate(columns), design))
  add <- function(what, f) {
    named <- function(theta) f(setNames(theta[-(1:8)], names))
    value <- named(theta); slope <- slopes(named, theta)
    out[[length(out) + 1]] <<- data.frame(design = name, what, value = unname(value),
      std_error = sqrt(drop(slope %*% covariance %*% slope)))
  }
  odds <- function(p) p / (1 - p)
  for (pair in list(c("g1", "g0", "contrast"), c("treated1", "treated0", "contrast among the exposed"),
      c("average1", "average0", "ipw average"), c("att1", "att0", "ipw treated"), c("untreated1", "untreated0", "ipw untreated"),
      c("overlap1", "overlap0", "ipw overlap"), c("aipw1", "aipw0", "aipw average"), c("aipwt1", "aipwt0", "aipw treated"))) {
    add(paste(pair[3], "difference"), function(m) m[pair[1]] - m[pair[2]])
    add(paste(pair[3], "ratio"), function(m) m[pair[1]] / m[pair[2]])
    add(paste(pair[3], "odds_ratio"), function(m) odds(m[pair[1]]) / odds(m[pair[2]]))
  }
  add("attributable fraction", function(m) 1 - m["g0"] / m["observed"])
  add("slope", function(m) m["slope"])
  add("interaction contrast", function(m) m["m11"] - m["m10"] - m["m01"] + m["m00"])
  add("RERI", function(m) (m["m11"] - m["m10"] - m["m01"]) / m["m00"] + 1)
  add("attributable proportion", function(m) 1 - (m["m10"] + m["m01"] - m["m00"]) / m["m11"])
  add("synergy index", function(m) (m["m11"] - m["m00"]) / (m["m10"] + m["m01"] - 2 * m["m00"]))
  add("ratio of ratios", function(m) m["m11"] * m["m00"] / (m["m10"] * m["m01"]))
}
known <- function(design) subset(design, !is.na(magnesium_mmol_l))
clusters <- svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = paired)
describe("clusters", known(clusters))
describe("clusters_fpc", known(svydesign(~cluster, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum, nest = TRUE, data = paired)))
describe("simple", known(svydesign(~1, weights = ~rep(1, nrow(data)), data = data)))
result <- do.call(rbind, out)
for (column in c("value", "std_error")) result[[column]] <- sprintf("%.17g", result[[column]])
write.csv(result, "effects_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
