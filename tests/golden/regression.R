# Expected values for tests/test_golden_regression.py from R's survey. Run: Rscript regression.R (in this folder)
suppressMessages(library(survey))
data <- read.csv("survey_input.csv")
data$low <- as.numeric(data$magnesium_mmol_l < 0.78)
paired <- subset(data, stratum != 7)
out <- list()
add <- function(design, family, formula, what, term, value, se = NA, low = NA, high = NA, df = NA, tolerance = 1e-9)
  # svyglm takes the information from the iteration before the last: its Poisson errors are 2e-9 off the solution's.
  out[[length(out) + 1]] <<- data.frame(design, family, formula, what, term, value = as.numeric(value),
    std_error = as.numeric(se), conf_low = as.numeric(low), conf_high = as.numeric(high), df = as.numeric(df),
    tolerance = max(tolerance, if (family == "poisson") 1e-8 else 0))

# svyglm stops early by default, which leaves its standard errors 1e-6 to 1e-5 off the converged ones.
tight <- glm.control(epsilon = 1e-15, maxit = 200)
families <- list(binomial = quasibinomial(), poisson = quasipoisson(), gaussian = gaussian())
describe <- function(name, design) {
  known <- subset(design, !is.na(magnesium_mmol_l))
  for (family in names(families)) for (right in c("sex + age_group", "sex * age_years")) {
    formula <- as.formula(paste("low ~", right))
    fit <- svyglm(formula, known, family = families[[family]], control = tight)
    table <- coef(summary(fit)); ci <- confint(fit)
    for (i in seq_len(nrow(table)))
      add(name, family, right, "coefficient", rownames(table)[i], table[i, 1], table[i, 2], ci[i, 1], ci[i, 2], fit$df.residual)
  }
}
describe("clusters", svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = paired))
describe("clusters_fpc", svydesign(~cluster, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum, nest = TRUE, data = paired))
describe("strata", svydesign(~1, strata = ~stratum, weights = ~weight, data = data))
describe("simple", svydesign(~1, weights = ~rep(1, nrow(data)), data = data))

design <- svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = paired)
known <- subset(design, !is.na(magnesium_mmol_l))
for (family in names(families)) {
  # regTermTest fits the smaller model with the call of the larger one, tight control included.
  fit <- svyglm(low ~ sex + age_group, known, family = families[[family]], control = tight)
  wald <- regTermTest(fit, ~age_group, method = "Wald")
  add("clusters", family, "sex + age_group", "wald", "age_group", wald$Ftest, wald$p, df = wald$ddf)
  # The saddle point is found by R to 1e-4 or so of its length only.
  ratio <- regTermTest(fit, ~age_group, method = "LRT")
  add("clusters", family, "sex + age_group", "rao_scott", "age_group", ratio$chisq, ratio$p, df = ratio$ddf, tolerance = 1e-7)
  women <- svyglm(low ~ age_years, subset(known, sex == "female"), family = families[[family]], control = tight)
  table <- coef(summary(women)); ci <- confint(women)
  for (i in 1:2) add("clusters", family, "age_years", "women", rownames(table)[i], table[i, 1], table[i, 2], ci[i, 1], ci[i, 2], women$df.residual)
  # Means of the outcome at given values: coefficients and covariance by hand, on the link's scale.
  at <- c(1, 1, 0, 1); eta <- sum(coef(fit) * at); se <- sqrt(drop(at %*% vcov(fit) %*% at))
  t <- qt(0.975, fit$df.residual); inverse <- families[[family]]$linkinv; slope <- families[[family]]$mu.eta(eta)
  add("clusters", family, "sex + age_group", "predict", "male, 60+", inverse(eta), se * slope, inverse(eta - t * se), inverse(eta + t * se), fit$df.residual)
}
result <- do.call(rbind, out)
for (column in c("value", "std_error", "conf_low", "conf_high", "df"))
  result[[column]] <- ifelse(is.na(result[[column]]), "", sprintf("%.17g", result[[column]]))
result$tolerance <- sprintf("%g", result$tolerance)
write.csv(result, "regression_expected.csv", row.names = FALSE, quote = c(3, 5))
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
