# Expected values for tests/test_missing.py. Run: Rscript missing.R (in this folder)
# Means and shares of magnesium by inverse probability of being observed, by R's survey.
# The error holds that of the estimated chances: the influence of the coefficients is taken through a numerical derivative.
suppressMessages(library(survey))
data <- read.csv("survey_input.csv")
data <- data[data$stratum != 7, ]
# Who is not observed: a rule of the row, of age and sex, so that both sides have the same people.
data$id <- seq_len(nrow(data))
data$seen <- as.integer((data$id * 7919) %% 100 >= ifelse(data$age_group == "60+", 45, 15) + ifelse(data$sex == "male", 10, 0))
data$seen[is.na(data$magnesium_mmol_l)] <- 0
data$magnesium_mmol_l[data$seen == 0] <- 0 # counts for nothing
data$low <- as.integer(data$magnesium_mmol_l <= 0.75)
designs <- list(
  clusters = svydesign(~cluster, strata = ~stratum, weights = ~weight, nest = TRUE, data = data),
  strata = svydesign(~1, strata = ~stratum, weights = ~weight, data = data),
  weights = svydesign(~1, weights = ~weight, data = data))
rows <- list()
for (name in names(designs)) for (variable in c("magnesium_mmol_l", "low")) for (domain in c("all", "female")) {
  design <- designs[[name]]
  inside <- if (domain == "all") rep(TRUE, nrow(data)) else data$sex == "female"
  formula <- if (domain == "all") seen ~ sex + age_group else seen ~ age_group
  fit <- svyglm(formula, design = subset(design, inside), family = quasibinomial(),
    control = glm.control(epsilon = 1e-14, maxit = 100))
  x <- model.matrix(formula, data)
  w <- weights(design) * inside
  y <- data[[variable]]
  value_at <- function(beta) {
    v <- w * data$seen / plogis(x %*% beta)
    sum(v * y) / sum(v)
  }
  beta <- coef(fit)
  chance <- as.vector(plogis(x %*% beta))
  slope <- sapply(seq_along(beta), function(j) {
    step <- rep(0, length(beta)); step[j] <- 1e-4
    (8 * (value_at(beta + step) - value_at(beta - step)) - (value_at(beta + 2 * step) - value_at(beta - 2 * step))) / 12e-4
  })
  v <- data$seen / chance * inside
  mean <- value_at(beta)
  information <- t(x) %*% (x * w * chance * (1 - chance))
  influence <- (x * (data$seen - chance) * inside) %*% solve(information) %*% slope
  data$z <- v * (y - mean) / sum(w * v) + as.vector(influence)
  filled <- update(design, z = data$z)
  rows[[length(rows) + 1]] <- data.frame(design = name, variable = variable, domain = domain, n = sum(data$seen * inside),
    value = mean, std_error = as.numeric(SE(svytotal(~z, filled))), df = degf(subset(design, inside)) - (length(beta) - 1),
    tolerance = 1e-8)
}
found <- do.call(rbind, rows)
for (column in c("value", "std_error")) found[[column]] <- sprintf("%.17g", found[[column]])
write.csv(found, "missing_expected.csv", row.names = FALSE, quote = FALSE)
