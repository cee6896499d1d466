# Expected values for tests/test_datasets.py from R's survey.
# Run: Rscript nhanes_cramps.R <folder with DEMO_D.xpt, DEMO_E.xpt, SLQ_D.xpt, SLQ_E.xpt> (in this folder)
# Everything comes from the rows of the official files, read and recoded here: svyciprop(method = "beta") needs people, which
# the packaged cells do not have as rows. Estimates and standard errors from the cells must agree, or the script stops.
suppressMessages(library(survey))
library(foreign)
options(digits = 17, survey.lonely.psu = "fail")
folder <- commandArgs(trailingOnly = TRUE)[1]

cycle <- function(letter) {
  people <- read.xport(file.path(folder, paste0("DEMO_", letter, ".xpt")))
  asked <- read.xport(file.path(folder, paste0("SLQ_", letter, ".xpt")))
  merge(people[c("SEQN", "RIAGENDR", "RIDAGEYR", "SDMVSTRA", "SDMVPSU", "WTINT2YR")], asked[c("SEQN", "SLQ160")], all.x = TRUE)
}
rows <- rbind(cycle("D"), cycle("E"))
rows <- with(rows, data.frame(stratum = SDMVSTRA, cluster = SDMVPSU, weight = WTINT2YR / 2,
  sex = c("male", "female")[RIAGENDR], age_group = cut(RIDAGEYR, c(20, 40, 60, Inf), c("20-39", "40-59", "60+"), right = FALSE),
  cramp_class = ifelse(SLQ160 %in% 0:4, SLQ160, NA)))
cells <- read.csv("../../src/crampstats/datasets/tables/nhanes_cramps.csv")

bind <- function(data) {
  data <- transform(data, any = cramp_class >= 1, mild = cramp_class %in% 1:2, frequent = cramp_class >= 3)
  subset(svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data), !is.na(age_group) & !is.na(cramp_class))
}
people <- bind(rows)
tabulated <- bind(cells)
out <- list()
add <- function(domain, what, outcome, value, se, low, high, df, n)
  out[[length(out) + 1]] <<- data.frame(domain, what, term = outcome, value = as.numeric(value), std_error = as.numeric(se),
    conf_low = as.numeric(low), conf_high = as.numeric(high), df, n)

describe <- function(domain, inside, same) {
  for (outcome in c("any", "mild", "frequent")) {
    formula <- as.formula(paste0("~", outcome))
    p <- svyciprop(formula, inside, method = "beta")
    from_cells <- svymean(as.formula(paste0("~as.numeric(", outcome, ")")), same)
    stopifnot(all.equal(c(coef(p), SE(p)), c(coef(from_cells), SE(from_cells)), tolerance = 1e-12, check.attributes = FALSE))
    stopifnot(degf(inside) == degf(same), nrow(inside) == sum(same$variables$n))
    add(domain, "prevalence", outcome, coef(p), SE(p), confint(p)[1], confint(p)[2], degf(inside), nrow(inside))
  }
}
sexes <- c("male", "female")
groups <- c("20-39", "40-59", "60+")
describe("all", people, tabulated)
for (s in sexes) describe(paste0("sex == '", s, "'"), subset(people, sex == s), subset(tabulated, sex == s))
for (g in groups) describe(paste0("age_group == '", g, "'"), subset(people, age_group == g), subset(tabulated, age_group == g))
for (s in sexes) for (g in groups) describe(paste0("sex == '", s, "' and age_group == '", g, "'"),
  subset(people, sex == s & age_group == g), subset(tabulated, sex == s & age_group == g))
result <- do.call(rbind, out)
for (column in names(result)) if (is.double(result[[column]])) result[[column]] <- sprintf("%.17g", result[[column]])
result$tolerance <- "1e-09"
write.csv(result, "nhanes_cramps_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
