/* What the commands that learn (fit, predict, eval, compare) share: options, warnings, and a fit of one net. */
#ifndef ENTK_LEARN_H
#define ENTK_LEARN_H

#include "commands.h"
#include "dataset.h"
#include "json.h"
#include "regress.h"

typedef struct EntkLearn {
	bool ntk;
	EntkRidgeRule rule;
	double ridge;
	double time;
} EntkLearn;

enum { ENTK_LEARN_KERNEL = 2000, ENTK_LEARN_RIDGE, ENTK_LEARN_TIME };

#define ENTK_LEARN_OPTIONS                                                                                   \
	{ENTK_LEARN_KERNEL, "kernel", 0, "NAME", "ntk: a trained network (default); nngp: a Bayesian one"},  \
		{ENTK_LEARN_RIDGE, "ridge", 0, "R",                                                          \
		 "number, relative to the mean of the Gram's diagonal (1e-4), or loo, or evidence"},         \
	{                                                                                                    \
		ENTK_LEARN_TIME, "time", 0, "T", "training time at learning rate 1 (inf: until convergence)" \
	}

EntkLearn entk_learn_defaults(void);
/* Handle an option of ENTK_LEARN_OPTIONS. */
EntkStatus entk_learn_take(EntkLearn *learn, int id, const char *value, EntkError *error);
bool entk_learn_has(int id);
/* "ntk" or "nngp". */
const char *entk_learn_kernel(const EntkLearn *learn);
EntkRegressOptions entk_learn_regression(const EntkLearn *learn, const size_t *groups);

/* "PROGRAM: warning: NET: ..." on stderr. */
void entk_warn(const char *program, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Says what had to be done to make a Gram positive definite; silent where nothing had. */
void entk_warn_jitter(const char *program, const char *net, const EntkRegression *regression);
/* An error that the command survives, as a warning. */
void entk_warn_error(const char *program, const EntkError *error);

/* The machine must have `bytes` of memory: overcommitted, it would end in a kill after hours. `what` names the thing. */
EntkStatus entk_learn_check_memory(double bytes, const char *what, EntkError *error);
/* Can a file of this name be written ("-": stdout can)? So that hours of work are not lost. Nothing is left behind. */
EntkStatus entk_learn_check_output(const char *path, EntkError *error);
/* rows x columns doubles. */
double *entk_learn_matrix(size_t rows, size_t columns, const char *what, EntkError *error);

/* Say which net an error is about, where it does not say so itself. */
EntkStatus entk_learn_where(const EntkNet *net, EntkError *error);

/* ---- in JSON ---------------------------------------------------------------------------------------------------- */

/* "kernel", "ridge_rule", "time" (null: until convergence). */
void entk_learn_json(const EntkLearn *learn, EntkJson *json);
/* "ridge", "jitter", "condition", "loo_mse", "log_marginal_likelihood", "log_evidence". */
void entk_learn_json_fit(const EntkRegression *regression, EntkJson *json);

/* ---- in text ------------------------------------------------------------------------------------------------------ */

/* "inf" or a number. */
const char *entk_learn_time_text(double time, char *text, size_t size);
/* The lines that describe a fit: ridge, condition, leave-one-out error, marginal likelihood. */
void entk_learn_print_fit(const EntkLearn *learn, const EntkDataset *dataset, const EntkRegression *regression);
/* Share of leave-one-out predictions that are right; NaN where there are none or no classes. */
double entk_learn_loo_accuracy(const EntkDataset *dataset, const EntkRegression *regression);

#endif
