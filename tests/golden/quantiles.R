# Expected values for tests/test_quantiles.py from R's survey. Run: Rscript quantiles.R (in this folder)
suppressMessages(library(survey))
options(digits = 17, survey.lonely.psu = "fail")
data <- read.csv("survey_input.csv")
out <- list()
shares <- c(0.05, 0.1, 0.25, 0.5, 0.75, 0.9)

# R's rule "math" takes a share below the first weight to the second smallest value; this one does not. It is used
# where the two differ, and the column "rule" says so.
inverse <- function(x, w, p) { x <- x[w > 0]; w <- w[w > 0]; s <- cumsum(w[order(x)]) / sum(w); sort(x)[which(s >= p)[1]] }

# Where the arcsine limits leave their scale R lets the sine turn back: no such rows.
turns <- function(x, q, design, level) {
  m <- suppressWarnings(svymean(x <= q, design)); p <- as.numeric(coef(m))
  reach <- qt((1 + level) / 2, degf(design)) * as.numeric(SE(m)) / (2 * sqrt(p * (1 - p)))
  is.nan(reach) || asin(sqrt(p)) - reach < 0 || asin(sqrt(p)) + reach > pi / 2
}

describe <- function(name, full) {
  domains <- list(all = full, female = subset(full, sex == "female"), old_men = subset(full, sex == "male" & age_group == "60+"))
  for (domain in names(domains)) for (variable in c("age_years", "magnesium_mmol_l")) {
    design <- domains[[domain]]
    if (variable == "magnesium_mmol_l") design <- subset(design, !is.na(magnesium_mmol_l))
    x <- model.frame(design)[[variable]]
    for (type in c("mean", "xlogit", "beta", "asin")) for (level in c(0.9, 0.95)) for (share in shares) {
      ask <- function(rule) suppressWarnings(svyquantile(as.formula(paste0("~", variable)), design, share, alpha = 1 - level,
        interval.type = type, qrule = rule)[[1]])
      q <- ask("math"); own <- ask(inverse)
      if (type == "asin" && turns(x, q[1, 1], design, level)) next
      rule <- if (isTRUE(all.equal(q, own))) "math" else "inverse"
      if (rule == "inverse") q <- own
      out[[length(out) + 1]] <<- data.frame(design = name, domain, variable, method = type, level, probability = share,
        value = q[1, 1], std_error = q[1, 4], conf_low = q[1, 2], conf_high = q[1, 3], df = degf(design), n = nrow(design), rule)
    }
  }
}

paired <- subset(data, stratum != 7)
describe("clusters", svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = paired))
describe("clusters_fpc", svydesign(~cluster, strata = ~stratum, weights = ~weight, fpc = ~clusters_in_stratum, nest = TRUE, data = paired))
describe("strata", svydesign(~1, strata = ~stratum, weights = ~weight, data = data))
describe("weights", svydesign(~1, weights = ~weight, data = data))
describe("simple", svydesign(~1, weights = ~rep(1, nrow(data)), data = data))
result <- do.call(rbind, out)
for (column in c("value", "std_error", "conf_low", "conf_high"))
  result[[column]] <- ifelse(is.na(result[[column]]), "", sprintf("%.17g", result[[column]]))
result$tolerance <- "1e-09"
write.csv(result, "quantiles_expected.csv", row.names = FALSE, quote = FALSE)
cat(nrow(result), "rows; survey", as.character(packageVersion("survey")), R.version.string, "\n")
print(table(result$rule, result$std_error == ""))
