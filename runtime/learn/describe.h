/* What the commands that learn say about a fit: warnings, JSON, text. */
#ifndef ENTK_LEARN_DESCRIBE_H
#define ENTK_LEARN_DESCRIBE_H

#include "data/dataset.h"
#include "learn/options.h"
#include "output/json.h"
#include "regress/regress.h"

/* ---- warnings --------------------------------------------------------------------------------------------------- */

/* Says what had to be done to make a Gram positive definite, and that a learning rate is too large for steps; silent where all is well. */
void entk_warn_fit(const char *program, const char *net, const EntkLearn *learn, const EntkRegression *regression);
/* Says which samples of the other parts are of a class that no training sample has; silent where there are none. */
void entk_warn_unseen(const char *program, const char *path, const EntkDataset *dataset);
/* Say which net an error is about, where it does not say so itself. */
EntkStatus entk_learn_where(const char *net, EntkError *error);

/* Is the factor that makes variances as large as errors known? Not at finite times, nor for targets that are reproduced exactly. */
bool entk_learn_calibrated(double amplitude);

/* ---- in JSON ---------------------------------------------------------------------------------------------------- */

/* "kernel", "ridge_rule", "time" (null: until convergence), "learning_rate". */
void entk_learn_json(const EntkLearn *learn, EntkJson *json);
/* "ridge", "ridge_absolute", "jitter", "condition", "max_learning_rate", "loo_mse", "val_mse", "log_marginal_likelihood",
 * "log_evidence". */
void entk_learn_json_fit(const EntkRegression *regression, EntkJson *json);

/* ---- in text ---------------------------------------------------------------------------------------------------- */

/* The lines that describe a fit: ridge, condition, largest learning rate, leave-one-out error, marginal likelihood. */
void entk_learn_print_fit(const EntkLearn *learn, const EntkDataset *dataset, const EntkRegression *regression);
/* Share of leave-one-out predictions that are right; NaN where there are none or no classes. */
double entk_learn_loo_accuracy(const EntkDataset *dataset, const EntkRegression *regression);

#endif
