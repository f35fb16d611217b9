/* What the commands that learn (fit, predict, eval, compare, spectrum) share: their command lines, warnings, kernels, and how a fit is
 * described. */
#ifndef ENTK_LEARN_H
#define ENTK_LEARN_H

#include "common.h"
#include "dataset.h"
#include "json.h"
#include "regress.h"

/* ---- options ---------------------------------------------------------------------------------------------------- */

typedef enum EntkLoo { ENTK_LOO_AUTO, ENTK_LOO_ALWAYS, ENTK_LOO_NEVER } EntkLoo;
/* Up to this many samples leave-one-out is found with a Cholesky factor without being asked for. */
#define ENTK_LOO_LIMIT 4000

typedef struct EntkLearn {
	bool ntk;
	EntkRidgeRule rule;
	double ridge;
	bool ridge_given; /* by an option: else a validation part decides, where there is one */
	double time;      /* as given: steps, where a learning rate is given */
	double learning_rate;
	bool rate_given;
	EntkLoo loo;
	const char *store; /* of the training samples' kernels; NULL: they are computed */
} EntkLearn;

enum { ENTK_LEARN_KERNEL = 2000, ENTK_LEARN_RIDGE, ENTK_LEARN_TIME, ENTK_LEARN_RATE, ENTK_LEARN_STORE, ENTK_LEARN_LOO };

/* Rows of a command's option table, in three parts: not every command has all. */
#define ENTK_LEARN_KERNEL_OPTION                                                                                 \
	{                                                                                                        \
		ENTK_LEARN_KERNEL, "kernel", 0, "NAME", "ntk: a trained network (default); nngp: a Bayesian one" \
	}
#define ENTK_LEARN_OPTIONS                                                                                             \
	ENTK_LEARN_KERNEL_OPTION,                                                                                      \
		{ENTK_LEARN_RIDGE, "ridge", 0, "R",                                                                    \
		 "number, relative to the mean of the Gram's diagonal (1e-4), abs:NUMBER, or loo, evidence, val"},     \
		{ENTK_LEARN_TIME, "time", 0, "T", "training time, in units of steps * rate (inf: until convergence)"}, \
	{                                                                                                              \
		ENTK_LEARN_RATE, "learning-rate", 0, "E",                                                              \
			"rate of these steps (1): --time=1000 --learning-rate=0.1 "                                    \
			"stops at time 100"                                                                            \
	}
#define ENTK_LEARN_LOO_OPTION                                                                                     \
	{                                                                                                         \
		ENTK_LEARN_LOO, "loo", 0, "WHEN",                                                                 \
			"leave-one-out error: auto (up to 4000 samples), always, never; beside a given ridge it " \
			"doubles the time of the solve"                                                           \
	}

#define ENTK_LEARN_STORE_OPTION                                                                          \
	{                                                                                                \
		ENTK_LEARN_STORE, "gram", 0, "K.gram",                                                   \
			"read the kernels of x_train from this store instead of computing them: it was " \
			"made by gram D.npz:x_train -o K.gram"                                           \
	}

EntkLearn entk_learn_defaults(void);
/* Handle an option of these tables. */
EntkStatus entk_learn_take(EntkLearn *learn, int id, const char *value, EntkError *error);
bool entk_learn_has(int id);
/* "ntk" or "nngp". */
const char *entk_learn_kernel(const EntkLearn *learn);
/* Without --ridge a data set with a validation part chooses on it; with --ridge=val there must be one. */
EntkStatus entk_learn_resolve(EntkLearn *learn, const EntkDataset *dataset, EntkError *error);
/* For `n` training samples; groups and validation are the caller's to set. */
EntkRegressOptions entk_learn_regression(const EntkLearn *learn, size_t n);

/* ---- a command line --------------------------------------------------------------------------------------------- */

/* The beginning of every learning command's own struct. */
typedef struct EntkLearnLine {
	EntkCommon common;
	EntkLearn learn;
	const char *program_name;
	const char *arguments[2]; /* what stands without a name: "D.npz", "M.npz X" */
} EntkLearnLine;

typedef struct EntkLearnCommand {
	const char *usage, *text; /* for --help */
	const EntkOption *options;
	const char *names[2]; /* of the arguments, for messages: "a data set", "a model"; NULL: there is none */
	const char *fix;      /* what to do when one is missing */
	bool optional;        /* arguments may be missing; `check` decides */
	bool no_params;       /* params are not the command line's to set */
	/* An option of the command's own. */
	EntkStatus (*take)(EntkLearnLine *line, int id, const char *value, EntkError *error);
	/* Is the command line complete? NULL: always. */
	EntkStatus (*check)(EntkLearnLine *line, EntkError *error);
	EntkStatus (*run)(EntkLearnLine *line, EntkError *error);
	void (*destroy)(EntkLearnLine *line);
} EntkLearnCommand;

/* Reads the command line into `line`, runs, cleans up; the exit status. */
int entk_learn_main(const EntkProgram *program, const EntkLearnCommand *command, EntkLearnLine *line, int argc,
		    char **argv);

/* ---- warnings --------------------------------------------------------------------------------------------------- */

/* Says what had to be done to make a Gram positive definite, and that a learning rate is too large for steps; silent where all is well. */
void entk_warn_fit(const char *program, const char *net, const EntkLearn *learn, const EntkRegression *regression);
/* Says which samples of the other parts are of a class that no training sample has; silent where there are none. */
void entk_warn_unseen(const char *program, const char *path, const EntkDataset *dataset);
/* Say which net an error is about, where it does not say so itself. */
EntkStatus entk_learn_where(const char *net, EntkError *error);

/* ---- resources -------------------------------------------------------------------------------------------------- */

/* The machine must have `bytes` of memory: overcommitted, it would end in a kill after hours. `what` names the thing. */
EntkStatus entk_learn_check_memory(double bytes, const char *what, EntkError *error);
/* Bytes that a fit of n samples takes beside the kernel matrix. `kept`: the matrix is needed afterwards. */
double entk_learn_fit_bytes(const EntkLearn *learn, size_t n, bool kept);
/* Kernels of the training samples with themselves into count x count arrays of the caller, either NULL where it is not wanted: from
 * the store that the command line names, straight into these arrays, or computed. */
EntkStatus entk_learn_train_grams(EntkLearnLine *line, const EntkNet *net, const EntkSamples *train, double *nngp,
				  double *ntk, EntkError *error);
/* The one that is inverted; the caller frees it. */
EntkStatus entk_learn_train_gram(EntkLearnLine *line, const EntkNet *net, const EntkSamples *train, double **kernel,
				 EntkError *error);
/* The kernel that is inverted, of x with z, or of x with itself where z is NULL; the caller frees it. */
EntkStatus entk_learn_gram(EntkLearnLine *line, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
			   double **kernel, EntkError *error);

/* The validation part beside the training samples, where a rule chooses on it. */
typedef struct EntkHeldOut {
	EntkValidation validation; /* count 0: there is none */
	double *cross, *targets;
} EntkHeldOut;

/* Kernels and targets of the validation part, if the ridge is chosen on it; else *held is zeroed. */
EntkStatus entk_learn_hold_out(EntkLearnLine *line, EntkDataset *dataset, const EntkNet *net,
			       const EntkEncoding *encoding, const EntkSamples *train, EntkHeldOut *held,
			       EntkError *error);
void entk_learn_held_out_destroy(EntkHeldOut *held);

/* ---- calibration ------------------------------------------------------------------------------------------------ */

/* Is the factor that makes variances as large as errors known? Not at finite times, nor for targets that are reproduced exactly. */
bool entk_learn_calibrated(double amplitude);

/* ---- in JSON ---------------------------------------------------------------------------------------------------- */

/* "kernel", "ridge_rule", "time" (null: until convergence), "learning_rate". */
void entk_learn_json(const EntkLearn *learn, EntkJson *json);
/* "ridge", "ridge_absolute", "jitter", "condition", "max_learning_rate", "loo_mse", "val_mse", "log_marginal_likelihood",
 * "log_evidence". */
void entk_learn_json_fit(const EntkRegression *regression, EntkJson *json);

/* ---- in text ---------------------------------------------------------------------------------------------------- */

/* "inf" or a number. */
const char *entk_learn_time_text(double time, char *text, size_t size);
/* The lines that describe a fit: ridge, condition, largest learning rate, leave-one-out error, marginal likelihood. */
void entk_learn_print_fit(const EntkLearn *learn, const EntkDataset *dataset, const EntkRegression *regression);
/* Share of leave-one-out predictions that are right; NaN where there are none or no classes. */
double entk_learn_loo_accuracy(const EntkDataset *dataset, const EntkRegression *regression);

#endif
