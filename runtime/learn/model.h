/* A trained net in a file: what `fit` writes and `predict` reads. One .npz, readable from Python:
 *
 *   format            2
 *   net, kernel, task, param_names   texts as bytes (param_names: one per line)
 *   hash, precision   of the compiled net: the model belongs to it alone
 *   params            values of the program's params
 *   ridge, jitter, time, amplitude   scalars; see regress/regress.h
 *   x_train           training samples, in the precision of the kernels
 *   from_bytes        1 if they were uint8, and are divided by 255; absent (as 0) in older models
 *   targets, alpha    (outputs, n): encoded targets, and the solution f(t) Y
 *   center, scale     (outputs): y = center + scale * f
 *   classes           what the classes are called, for classes
 *   nngp_train, ntk_train   (n, n) kernels of the training samples, from which variances come (ntk_train only for the NTK);
 *                     absent in a model that was made for means only */
#ifndef ENTK_LEARN_MODEL_H
#define ENTK_LEARN_MODEL_H

#include "arrays/npz_writer.h"
#include "data/dataset.h"
#include "entk_abi.h"

typedef struct EntkModel {
	const EntkNet *net;
	bool ntk;
	double time, ridge, jitter, amplitude;
	EntkTask task;
	size_t outputs, count; /* count: training samples */
	double *params;        /* program->param_count */
	EntkSamples train;
	EntkEncoding encoding;
	int64_t *classes;   /* outputs; NULL for other tasks */
	double *targets;    /* outputs x count */
	double *alpha;      /* outputs x count */
	double *nngp_train; /* count x count; NULL: the model has a mean only */
	double *ntk_train;  /* count x count; NULL for an NNGP model, or as above */
} EntkModel;

void entk_model_destroy(EntkModel *model); /* a zeroed one is fine */
/* The writer comes from entk_npz_writer_create; commits it. */
EntkStatus entk_model_write(const EntkProgram *program, const EntkModel *model, EntkNpzWriter *writer,
			    EntkError *error);
/* Read a model and find its net in `program`. A model of another program, of another version of the net, or in another precision
 * is an error that says so. */
EntkStatus entk_model_read(const EntkProgram *program, const char *path, EntkModel *model, EntkError *error);

#endif
