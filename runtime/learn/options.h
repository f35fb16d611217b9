/* How a net is to learn, as the command line says it: which kernel, which ridge, how long. */
#ifndef ENTK_LEARN_OPTIONS_H
#define ENTK_LEARN_OPTIONS_H

#include "data/dataset.h"
#include "regress/regress.h"
#include "support/status.h"

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
/* "inf" or a number. */
const char *entk_learn_time_text(double time, char *text, size_t size);

#endif
