/* A data set for learning: one .npz with samples and targets of a training part and, where given, of a validation and a
 * test part. Names are x_train y_train x_val y_val x_test y_test, or MedMNIST's train_images train_labels val_images ..
 *
 * What the targets are is read off their type: integers (n) or (n, 1) are classes, 0/1 integers (n, k) are k separate labels,
 * floats (n) or (n, k) are real targets of a regression. */
#ifndef ENTK_DATA_DATASET_H
#define ENTK_DATA_DATASET_H

#include "arrays/npz.h"
#include "data/samples.h"
#include "support/status.h"

typedef enum EntkTask { ENTK_TASK_CLASSES, ENTK_TASK_LABELS, ENTK_TASK_REGRESSION } EntkTask;
/* "classes", "labels", "regression". */
const char *entk_task_name(EntkTask task);

typedef enum EntkPartName { ENTK_PART_TRAIN, ENTK_PART_VAL, ENTK_PART_TEST, ENTK_PARTS } EntkPartName;

/* One part; x_key is NULL where the file has none. */
typedef struct EntkPart {
	const char *x_key, *y_key;
	size_t count;
	size_t *classes; /* ENTK_TASK_CLASSES: 0 .. outputs - 1, places in EntkDataset.values; else NULL */
	double *values;  /* other tasks: count x outputs; else NULL */
} EntkPart;

typedef struct EntkDataset {
	EntkNpz *npz;
	EntkTask task;
	size_t outputs;  /* classes, labels or real targets */
	int64_t *values; /* ENTK_TASK_CLASSES: what the classes are called in the file, ascending; all parts count */
	EntkPart parts[ENTK_PARTS];
	/* Of the training samples (patients, molecules), from `groups` or `groups_train`; NULL: none. The parts share no group:
	 * `groups_val` and `groups_test` are compared with it. */
	size_t *groups;
} EntkDataset;

/* Read all targets; the samples stay in the file. The training part must be there, and the test part where `need_test` is set. */
EntkStatus entk_dataset_open(const char *path, bool need_test, EntkDataset *dataset, EntkError *error);
/* How many samples of a part are of a class that no training sample has, and the first one's class; 0 where targets are not classes or
 * the part is not there. */
size_t entk_dataset_unseen(const EntkDataset *dataset, EntkPartName part, size_t *class);
void entk_dataset_close(EntkDataset *dataset); /* a zeroed one is fine */
/* Do the samples of all parts fit `net`, and are there as many as targets? Reads headers only. */
EntkStatus entk_dataset_check(EntkDataset *dataset, const EntkNet *net, EntkError *error);
/* Samples of a part, as `net` takes them. */
EntkStatus entk_dataset_samples(EntkDataset *dataset, EntkPartName part, const EntkNet *net, uint32_t precision,
				EntkSamples *samples, EntkError *error);

/* How targets become what the regression learns: y = center + scale * f, one pair per output. Classes are learnt as one-hot
 * vectors minus 1 / classes (center stays 0: scores are reported centred); labels minus their mean; real targets minus their
 * mean, divided by their standard deviation. */
typedef struct EntkEncoding {
	EntkTask task;
	size_t outputs;
	double *center, *scale; /* outputs each */
} EntkEncoding;

/* The encoding of `count` samples of a part (`indices`, or all of them where it is NULL), and their targets (outputs x count). */
EntkStatus entk_encode(const EntkDataset *dataset, EntkPartName part, const size_t *indices, size_t count,
		       EntkEncoding *encoding, double **targets, EntkError *error);
/* Targets of another part, or of other samples, in an encoding that exists (outputs x count). */
EntkStatus entk_encode_as(const EntkEncoding *encoding, const EntkDataset *dataset, EntkPartName part,
			  const size_t *indices, size_t count, double **targets, EntkError *error);
/* predictions (m x outputs) of f become predictions of y. */
void entk_decode(const EntkEncoding *encoding, double *predictions, size_t m);
void entk_encoding_destroy(EntkEncoding *encoding);

#endif
