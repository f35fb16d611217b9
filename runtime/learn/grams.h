/* Kernels for the commands that learn, computed or read from a store, and the memory that they and a fit take. */
#ifndef ENTK_LEARN_GRAMS_H
#define ENTK_LEARN_GRAMS_H

#include "data/dataset.h"
#include "learn/line.h"
#include "regress/regress.h"

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

#endif
