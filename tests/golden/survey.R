# Expected values for tests/test_golden.py from R's survey. Run: Rscript survey.R (in this folder)
suppressMessages(library(survey))
options(digits = 17, survey.lonely.psu = "fail")
data <- read.csv("survey_input.csv")
data$low <- as.numeric(data$magnesium_mmol_l < 0.75)
out <- list()
add <- function(design, domain, what, term, value, se = NA, low = NA, high = NA, df = NA, n = NA)
  out[[length(out) + 1]] <<- data.frame(design, domain, what, term, value = as.numeric(value), std_error = as.numeric(se),
    conf_low = as.numeric(low), conf_high = as.numeric(high), df = as.numeric(df), n = as.numeric(n))

describe <- function(name, full) {
  domains <- list(all = full, female = subset(full, sex == "female"), old = subset(full, age_group == "60+"),
    old_men = subset(full, sex == "male" & age_group == "60+"))
  for (domain in names(domains)) {
    design <- domains[[domain]]
    for (method in c("mean", "xlogit", "beta")) {
      p <- svyciprop(~cramps, design, method = method)
      ci <- confint(p)
      add(name, domain, paste0("prevalence_", method), "cramps", coef(p), SE(p), ci[1], ci[2], degf(design), nrow(design))
    }
    known <- subset(design, !is.na(magnesium_mmol_l))
    m <- svymean(~magnesium_mmol_l, known); ci <- confint(m, df = degf(known))
    add(name, domain, "mean", "magnesium_mmol_l", coef(m), SE(m), ci[1], ci[2], degf(known), nrow(known))
    p <- svyciprop(~low, known, method = "beta"); ci <- confint(p)
    add(name, domain, "low_beta", "low", coef(p), SE(p), ci[1], ci[2], degf(known), nrow(known))
    # survey 4.1 does not centre the totals of a lonely stratum under "adjust"; 4.5 does, as its manual says.
    if (name != "lonely_adjust") {
      t <- svytotal(~cramps, design); ci <- confint(t, df = degf(design))
      add(name, domain, "total", "cramps", coef(t), SE(t), ci[1], ci[2], degf(design), nrow(design))
    }
    r <- svyratio(~cramps, ~age_years, design)
    add(name, domain, "ratio", "cramps/age_years", coef(r), SE(r), df = degf(design), n = nrow(design))
  }
  by <- svyby(~cramps, ~sex, full, svymean, covmat = TRUE)
  d <- svycontrast(by, c(female = 1, male = -1)); add(name, "all", "difference", "female-male", coef(d), SE(d))
  l <- svycontrast(by, quote(log(female / male))); add(name, "all", "log_ratio", "female/male", coef(l), SE(l))
  std <- svystandardize(full, by = ~age_group, over = ~sex, population = c(25500, 27500, 25500))
  for (s in c("female", "male")) {
    m <- svymean(~cramps, subset(std, sex == s)); add(name, s, "standardised", "cramps", coef(m), SE(m))
  }
}

paired <- subset(data, stratum != 7)
describe("clusters", svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = paired))
describe("clusters_fpc", svydesign(~cluster, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum, nest = TRUE, data = paired))
describe("strata", svydesign(~1, strata = ~stratum, weights = ~weight, data = data))
describe("weights", svydesign(~1, weights = ~weight, data = data))
describe("simple", svydesign(~1, weights = ~rep(1, nrow(data)), data = data))
for (rule in c("certainty", "adjust", "average")) {
  options(survey.lonely.psu = rule)
  describe(paste0("lonely_", rule), svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data))
}
result <- do.call(rbind, out)
for (column in names(result)) if (is.double(result[[column]]))
  result[[column]] <- ifelse(is.na(result[[column]]), "", sprintf("%.17g", result[[column]]))
result$tolerance <- "1e-09"
write.csv(result, "survey_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
