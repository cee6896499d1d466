# Expected values for tests/test_characteristics.py from R's survey. Run: Rscript characteristics.R (in this folder)
suppressMessages(library(survey))
options(digits = 17, survey.lonely.psu = "fail")
data <- read.csv("survey_input.csv")
data$age_group <- factor(data$age_group, levels = c("20-39", "40-59", "60+"))
out <- list()

describe <- function(name, domain, full) {
  add <- function(variable, level, group, statistic, n, estimate) out[[length(out) + 1]] <<- data.frame(design = name, domain,
    variable, level, group, statistic, n = as.numeric(n), estimate = as.numeric(estimate))
  groups <- list(Overall = full, female = subset(full, sex == "female"), male = subset(full, sex == "male"))
  moments <- shares <- list()
  for (group in names(groups)) {
    here <- groups[[group]]
    share <- if (group == "Overall") 1 else coef(svymean(~I(as.numeric(sex == group)), full))
    add("", "", group, "group", nrow(here), share)
    for (variable in c("age_years", "magnesium_mmol_l")) {
      lacks <- is.na(here$variables[[variable]])
      add(variable, "", group, "missing", sum(lacks), coef(svymean(as.formula(paste0("~I(as.numeric(is.na(", variable, ")))")), here)))
      known <- here[!lacks, ]
      n <- nrow(known); formula <- as.formula(paste0("~", variable))
      mean <- coef(svymean(formula, known))
      # svyvar multiplies by n / (n - 1); the standard deviation of the population does not.
      sd <- sqrt(coef(svyvar(formula, known)) * (n - 1) / n)
      quartiles <- svyquantile(formula, known, c(0.25, 0.5, 0.75), ci = FALSE)[[1]]
      add(variable, "", group, "mean", n, mean); add(variable, "", group, "sd", n, sd)
      for (place in 1:3) add(variable, "", group, c("quartile_1", "median", "quartile_3")[place], n, quartiles[place])
      moments[[variable]][[group]] <- c(mean, sd, n)
    }
    for (level in levels(data$age_group)) {
      share <- coef(svymean(as.formula(paste0("~I(as.numeric(age_group == '", level, "'))")), here))
      add("age_group", level, group, "share", sum(here$variables$age_group == level), share)
      shares[[group]] <- c(shares[[group]], share)
    }
    share <- coef(svymean(~cramps, here))
    add("cramps", "", group, "share", sum(here$variables$cramps), share)
    moments$cramps[[group]] <- c(share, sqrt(share * (1 - share)), nrow(here))
  }
  for (variable in names(moments)) {
    a <- moments[[variable]]$female; b <- moments[[variable]]$male
    add(variable, "", "female less male", "smd", a[3] + b[3], (a[1] - b[1]) / sqrt((a[2]^2 + b[2]^2) / 2))
  }
  # The last level is left out here; which one it is does not change the distance.
  a <- shares$female[1:2]; b <- shares$male[1:2]
  covariance <- (diag(a) - a %o% a + diag(b) - b %o% b) / 2
  add("age_group", "", "female less male", "smd", nrow(full), sqrt(t(a - b) %*% solve(covariance) %*% (a - b)))
}

designs <- list(
  clusters = svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = subset(data, stratum != 7)),
  weights = svydesign(~1, weights = ~weight, data = data),
  simple = svydesign(~1, weights = ~rep(1, nrow(data)), data = data))
for (name in names(designs)) {
  describe(name, "all", designs[[name]])
  describe(name, "over_30", subset(designs[[name]], age_years > 30))
}
result <- do.call(rbind, out)
result$estimate <- sprintf("%.17g", result$estimate)
result$tolerance <- "1e-09"
write.csv(result, "characteristics_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
