/* Data sets: see dataset.h. */
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More classes than this, and more than half as many as samples, are real targets that were saved as integers. */
#define MANY_CLASSES 50

const char *entk_task_name(EntkTask task)
{
	switch (task) {
	case ENTK_TASK_CLASSES:
		return "classes";
	case ENTK_TASK_LABELS:
		return "labels";
	case ENTK_TASK_REGRESSION:
		return "regression";
	}
	return "";
}

/* Names of samples and targets by part: ours first, then MedMNIST's. */
static const char *const keys[ENTK_PARTS][2][2] = {
	{{"x_train", "y_train"}, {"train_images", "train_labels"}},
	{{"x_val", "y_val"}, {"val_images", "val_labels"}},
	{{"x_test", "y_test"}, {"test_images", "test_labels"}},
};

/* ---- keys ---------------------------------------------------------------------------------------------------------- */

static EntkStatus missing_part(const EntkDataset *dataset, EntkPartName part, EntkError *error)
{
	char list[300] = "";
	for (size_t i = 0; i < entk_npz_count(dataset->npz) && strlen(list) < 240; i++)
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.40s", i ? ", " : "",
			 entk_npz_key(dataset->npz, i));
	entk_fail(error, ENTK_INPUT, entk_npz_file(dataset->npz), "no arrays %s and %s (or %s and %s); it has %s",
		  keys[part][0][0], keys[part][0][1], keys[part][1][0], keys[part][1][1],
		  *list ? list : "none with names");
	return entk_fix(error, "numpy.savez(\"data.npz\", x_train=.., y_train=.., x_test=.., y_test=..)");
}

static EntkStatus find_part(EntkDataset *dataset, EntkPartName part, bool needed, EntkError *error)
{
	for (int style = 0; style < 2; style++) {
		const char *x = keys[part][style][0], *y = keys[part][style][1];
		bool has_x = entk_npz_has(dataset->npz, x), has_y = entk_npz_has(dataset->npz, y);
		if (has_x && has_y) {
			dataset->parts[part].x_key = x;
			dataset->parts[part].y_key = y;
			return ENTK_OK;
		}
		if (has_x || has_y)
			return entk_fail(error, ENTK_INPUT, entk_npz_file(dataset->npz), "an array %s without %s",
					 has_x ? x : y, has_x ? y : x);
	}
	return needed ? missing_part(dataset, part, error) : ENTK_OK;
}

/* ---- targets ------------------------------------------------------------------------------------------------------- */

static EntkStatus check_shape(EntkDataset *dataset, const EntkPart *part, const EntkArray *array, EntkError *error)
{
	char shape[256];
	if (array->rank > 0 && array->shape[0] == 0) {
		entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, part->y_key), "no samples: its shape is %s",
			  entk_shape_text(array->rank, array->shape, shape, sizeof shape));
		return entk_fix(error, part == &dataset->parts[ENTK_PART_VAL]
					       ? "leave the validation part out where there is none"
					       : "every part needs at least one sample");
	}
	if ((array->rank != 1 && array->rank != 2) || array->count == 0)
		return entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, part->y_key),
				 "shape %s, expected (n), (n, 1) or (n, k) targets",
				 entk_shape_text(array->rank, array->shape, shape, sizeof shape));
	return ENTK_OK;
}

static size_t columns_of(const EntkArray *array)
{
	return array->rank == 2 ? array->shape[1] : 1;
}

static EntkTask task_of(const EntkArray *array)
{
	if (!entk_type_is_integer(array->type))
		return ENTK_TASK_REGRESSION;
	return columns_of(array) == 1 ? ENTK_TASK_CLASSES : ENTK_TASK_LABELS;
}

/* All parts must be of the training part's kind. */
static EntkStatus check_kind(EntkDataset *dataset, const EntkPart *part, const EntkArray *array, EntkError *error)
{
	const EntkPart *train = &dataset->parts[ENTK_PART_TRAIN];
	size_t outputs = task_of(array) == ENTK_TASK_CLASSES ? 0 : columns_of(array);
	if (part == train) {
		dataset->task = task_of(array);
		dataset->outputs = outputs;
		return ENTK_OK;
	}
	if (task_of(array) != dataset->task)
		return entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, part->y_key), "%s, but %s is %s",
				 entk_task_name(task_of(array)), train->y_key, entk_task_name(dataset->task));
	if (outputs != dataset->outputs)
		return entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, part->y_key),
				 "%zu targets per sample, but %s has %zu", outputs, train->y_key, dataset->outputs);
	return ENTK_OK;
}

static EntkStatus read_values(EntkDataset *dataset, EntkPart *part, const EntkArray *array, EntkError *error)
{
	part->values = entk_allocate(array->count, sizeof *part->values, "the targets", error);
	if (!part->values)
		return error->status;
	for (size_t i = 0; i < array->count; i++) {
		double value = entk_array_get(array, i);
		part->values[i] = value;
		if (!isfinite(value))
			return entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, part->y_key),
					 "%s at sample %zu, expected finite numbers", isnan(value) ? "NaN" : "infinity",
					 i / dataset->outputs);
		if (dataset->task == ENTK_TASK_LABELS && value != 0 && value != 1) {
			entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, part->y_key),
				  "integers with %zu columns are 0/1 labels, but sample %zu has %g", dataset->outputs,
				  i / dataset->outputs, value);
			return entk_fix(error, "save real targets as floats; one class per sample has shape (n)");
		}
	}
	return ENTK_OK;
}

/* ---- classes --------------------------------------------------------------------------------------------------------- */

static int compare_integers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* The distinct labels of all parts, ascending, into dataset->values. */
static EntkStatus collect_classes(EntkDataset *dataset, const EntkArray *arrays, EntkError *error)
{
	size_t total = 0, distinct = 0, train = arrays[ENTK_PART_TRAIN].count;
	for (int p = 0; p < ENTK_PARTS; p++)
		total += arrays[p].data ? arrays[p].count : 0;
	int64_t *all = entk_allocate(total, sizeof *all, "the classes", error);
	if (!all)
		return error->status;
	total = 0;
	for (int p = 0; p < ENTK_PARTS; p++)
		for (size_t i = 0; arrays[p].data && i < arrays[p].count; i++)
			all[total++] = entk_array_get_integer(&arrays[p], i);
	qsort(all, total, sizeof *all, compare_integers);
	for (size_t i = 0; i < total; i++)
		if (i == 0 || all[i] != all[distinct - 1])
			all[distinct++] = all[i];
	dataset->values = all;
	dataset->outputs = distinct;
	const char *where = entk_npz_where(dataset->npz, dataset->parts[ENTK_PART_TRAIN].y_key);
	if (distinct < 2)
		return entk_fail(error, ENTK_INPUT, where, "all samples are of class %lld: nothing to tell apart",
				 (long long)all[0]);
	if (distinct > MANY_CLASSES && distinct > train / 2) {
		entk_fail(error, ENTK_INPUT, where, "%zu different integers for %zu samples, too many for classes",
			  distinct, train);
		return entk_fix(error, "save real targets as floats");
	}
	return ENTK_OK;
}

static EntkStatus index_classes(const EntkDataset *dataset, EntkPart *part, const EntkArray *array, EntkError *error)
{
	part->classes = entk_allocate(array->count, sizeof *part->classes, "the classes", error);
	if (!part->classes)
		return error->status;
	for (size_t i = 0; i < array->count; i++) {
		int64_t value = entk_array_get_integer(array, i);
		const int64_t *place =
			bsearch(&value, dataset->values, dataset->outputs, sizeof value, compare_integers);
		part->classes[i] = (size_t)(place - dataset->values);
	}
	return ENTK_OK;
}

/* ---- groups ---------------------------------------------------------------------------------------------------------- */

/* The groups of one part under `key`: one integer per sample. Only equality matters. */
static EntkStatus read_part_groups(EntkDataset *dataset, const char *key, size_t count, size_t **groups,
				   EntkError *error)
{
	EntkArray array = {0};
	char shape[256];
	EntkStatus status = entk_npz_read(dataset->npz, key, &array, error);
	if (status != ENTK_OK)
		return status;
	const char *where = entk_npz_where(dataset->npz, key);
	if (!entk_type_is_integer(array.type))
		status = entk_fail(error, ENTK_INPUT, where, "%s, expected integers, one per sample",
				   entk_type_name(array.type));
	else if (array.count != count || array.rank < 1 || array.shape[0] != count)
		status = entk_fail(error, ENTK_INPUT, where, "shape %s, expected (%zu): one group per sample",
				   entk_shape_text(array.rank, array.shape, shape, sizeof shape), count);
	if (status == ENTK_OK) {
		*groups = entk_allocate(count, sizeof **groups, "the groups", error);
		status = *groups ? ENTK_OK : error->status;
	}
	for (size_t i = 0; status == ENTK_OK && i < count; i++)
		(*groups)[i] = (size_t)entk_array_get_integer(&array, i);
	entk_array_destroy(&array);
	return status;
}

static int compare_groups(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

/* A group that stands in two parts would let the one part know the other. `sorted` are the training part's. */
static EntkStatus check_apart(EntkDataset *dataset, const char *key, size_t count, const size_t *sorted,
			      EntkError *error)
{
	size_t *groups = NULL;
	EntkStatus status = read_part_groups(dataset, key, count, &groups, error);
	for (size_t i = 0; status == ENTK_OK && i < count; i++)
		if (bsearch(&groups[i], sorted, dataset->parts[ENTK_PART_TRAIN].count, sizeof *sorted,
			    compare_groups)) {
			entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, key),
				  "group %lld of sample %zu is in the training part too", (long long)groups[i], i);
			status = entk_fix(error, "put every group into one part only");
		}
	free(groups);
	return status;
}

static EntkStatus read_groups(EntkDataset *dataset, EntkError *error)
{
	static const char *const others[ENTK_PARTS] = {NULL, "groups_val", "groups_test"};
	const char *key = entk_npz_has(dataset->npz, "groups_train") ? "groups_train" : "groups";
	size_t count = dataset->parts[ENTK_PART_TRAIN].count;
	if (!entk_npz_has(dataset->npz, key))
		return ENTK_OK;
	EntkStatus status = read_part_groups(dataset, key, count, &dataset->groups, error);
	size_t *sorted = status == ENTK_OK ? entk_allocate(count, sizeof *sorted, "the groups", error) : NULL;
	if (!sorted)
		return error->status;
	memcpy(sorted, dataset->groups, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare_groups);
	for (int p = ENTK_PART_VAL; p < ENTK_PARTS && status == ENTK_OK; p++)
		if (dataset->parts[p].x_key && entk_npz_has(dataset->npz, others[p]))
			status = check_apart(dataset, others[p], dataset->parts[p].count, sorted, error);
	free(sorted);
	return status;
}

/* ---- open ------------------------------------------------------------------------------------------------------------ */

static EntkStatus read_targets(EntkDataset *dataset, EntkError *error)
{
	EntkArray arrays[ENTK_PARTS] = {0};
	EntkStatus status = ENTK_OK;
	for (int p = 0; p < ENTK_PARTS && status == ENTK_OK; p++) {
		EntkPart *part = &dataset->parts[p];
		if (!part->y_key)
			continue;
		status = entk_npz_read(dataset->npz, part->y_key, &arrays[p], error);
		if (status == ENTK_OK)
			status = check_shape(dataset, part, &arrays[p], error);
		if (status == ENTK_OK)
			status = check_kind(dataset, part, &arrays[p], error);
		if (status == ENTK_OK)
			part->count = arrays[p].shape[0];
		if (status == ENTK_OK && dataset->task != ENTK_TASK_CLASSES)
			status = read_values(dataset, part, &arrays[p], error);
	}
	if (status == ENTK_OK && dataset->task == ENTK_TASK_CLASSES) {
		status = collect_classes(dataset, arrays, error);
		for (int p = 0; p < ENTK_PARTS && status == ENTK_OK; p++)
			if (dataset->parts[p].y_key)
				status = index_classes(dataset, &dataset->parts[p], &arrays[p], error);
	}
	for (int p = 0; p < ENTK_PARTS; p++)
		entk_array_destroy(&arrays[p]);
	return status;
}

EntkStatus entk_dataset_open(const char *path, bool need_test, EntkDataset *dataset, EntkError *error)
{
	memset(dataset, 0, sizeof *dataset);
	EntkStatus status = entk_npz_open(path, &dataset->npz, error);
	for (int p = 0; p < ENTK_PARTS && status == ENTK_OK; p++)
		status = find_part(dataset, (EntkPartName)p, p == ENTK_PART_TRAIN || (p == ENTK_PART_TEST && need_test),
				   error);
	if (status == ENTK_OK)
		status = read_targets(dataset, error);
	if (status == ENTK_OK)
		status = read_groups(dataset, error);
	if (status != ENTK_OK)
		entk_dataset_close(dataset);
	return status;
}

size_t entk_dataset_unseen(const EntkDataset *dataset, EntkPartName part, size_t *class)
{
	const EntkPart *train = &dataset->parts[ENTK_PART_TRAIN], *other = &dataset->parts[part];
	size_t unseen = 0;
	if (dataset->task != ENTK_TASK_CLASSES || !other->classes)
		return 0;
	for (size_t k = dataset->outputs; k-- > 0;) {
		size_t i = 0, count = 0;
		while (i < train->count && train->classes[i] != k)
			i++;
		for (size_t j = 0; i == train->count && j < other->count; j++)
			count += other->classes[j] == k;
		if (count > 0)
			*class = k;
		unseen += count;
	}
	return unseen;
}

void entk_dataset_close(EntkDataset *dataset)
{
	for (int p = 0; p < ENTK_PARTS; p++) {
		free(dataset->parts[p].classes);
		free(dataset->parts[p].values);
	}
	free(dataset->values);
	free(dataset->groups);
	entk_npz_close(dataset->npz);
	memset(dataset, 0, sizeof *dataset);
}

EntkStatus entk_dataset_check(EntkDataset *dataset, const EntkNet *net, EntkError *error)
{
	for (int p = 0; p < ENTK_PARTS; p++) {
		const EntkPart *part = &dataset->parts[p];
		size_t count;
		if (!part->x_key)
			continue;
		EntkStatus status = entk_samples_check(dataset->npz, part->x_key, net, &count, error);
		if (status != ENTK_OK)
			return status;
		if (count != part->count)
			return entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, part->x_key),
					 "%zu samples, but %s has %zu targets", count, part->y_key, part->count);
	}
	return ENTK_OK;
}

/* Each part is checked when it is loaded: of the others, their type says enough. */
static EntkStatus check_scale(EntkDataset *dataset, EntkPartName part, const EntkSamples *samples, EntkError *error)
{
	const char *key = dataset->parts[part].x_key;
	for (int i = 0; i < ENTK_PARTS; i++) {
		EntkNpyHeader header;
		const char *other = dataset->parts[i].x_key;
		if (!other || i == (int)part)
			continue;
		EntkStatus status = entk_npz_header(dataset->npz, other, &header, error);
		if (status == ENTK_OK)
			status = entk_samples_check_scale(samples, entk_npz_where(dataset->npz, key), other,
							  header.type == ENTK_U8, error);
		if (status != ENTK_OK)
			return status;
	}
	return ENTK_OK;
}

EntkStatus entk_dataset_samples(EntkDataset *dataset, EntkPartName part, const EntkNet *net, uint32_t precision,
				EntkSamples *samples, EntkError *error)
{
	EntkStatus status = entk_samples_load(dataset->npz, dataset->parts[part].x_key, net, precision, samples, error);
	if (status == ENTK_OK && samples->count != dataset->parts[part].count) {
		status = entk_fail(error, ENTK_INPUT, entk_npz_where(dataset->npz, dataset->parts[part].x_key),
				   "%zu samples, but %s has %zu targets", samples->count, dataset->parts[part].y_key,
				   dataset->parts[part].count);
	}
	if (status == ENTK_OK)
		status = check_scale(dataset, part, samples, error);
	if (status != ENTK_OK)
		entk_samples_destroy(samples);
	return status;
}

/* ---- encoding -------------------------------------------------------------------------------------------------------- */

void entk_encoding_destroy(EntkEncoding *encoding)
{
	free(encoding->center);
	free(encoding->scale);
	memset(encoding, 0, sizeof *encoding);
}

static size_t sample_index(const size_t *indices, size_t i)
{
	return indices ? indices[i] : i;
}

/* One output of the samples as a row, before it is centred. */
static void fill_row(const EntkDataset *dataset, const EntkPart *part, size_t output, const size_t *indices,
		     size_t count, double *row)
{
	for (size_t i = 0; i < count; i++) {
		size_t sample = sample_index(indices, i);
		if (part->classes)
			row[i] = (part->classes[sample] == output) - 1.0 / (double)dataset->outputs;
		else
			row[i] = part->values[sample * dataset->outputs + output];
	}
}

/* Where an output is centred, and in a regression how it is scaled. */
static void measure(EntkEncoding *encoding, size_t output, const double *row, size_t count)
{
	double mean = 0, square = 0;
	encoding->scale[output] = 1;
	if (encoding->task == ENTK_TASK_CLASSES)
		return;
	for (size_t i = 0; i < count; i++)
		mean += row[i] / (double)count;
	for (size_t i = 0; i < count; i++)
		square += (row[i] - mean) * (row[i] - mean) / (double)count;
	encoding->center[output] = mean;
	/* A constant target stays constant: its scale does not matter. */
	if (encoding->task == ENTK_TASK_REGRESSION && square > 0)
		encoding->scale[output] = sqrt(square);
}

static void encode_row(const EntkEncoding *encoding, size_t output, double *row, size_t count)
{
	if (encoding->task != ENTK_TASK_CLASSES)
		for (size_t i = 0; i < count; i++)
			row[i] = (row[i] - encoding->center[output]) / encoding->scale[output];
}

static EntkStatus allocate_targets(size_t outputs, size_t count, double **targets, EntkError *error)
{
	size_t total;
	*targets = NULL;
	if (!entk_multiply(outputs, count, &total))
		return entk_fail_memory(error, "the targets", SIZE_MAX);
	*targets = entk_allocate(total, sizeof(double), "the targets", error);
	return *targets ? ENTK_OK : error->status;
}

EntkStatus entk_encode(const EntkDataset *dataset, EntkPartName part, const size_t *indices, size_t count,
		       EntkEncoding *encoding, double **targets, EntkError *error)
{
	size_t outputs = dataset->outputs;
	*encoding = (EntkEncoding){.task = dataset->task, .outputs = outputs};
	*targets = NULL;
	encoding->center = entk_allocate(outputs, sizeof(double), "the targets", error);
	encoding->scale = entk_allocate(outputs, sizeof(double), "the targets", error);
	EntkStatus status =
		encoding->center && encoding->scale ? allocate_targets(outputs, count, targets, error) : error->status;
	if (status != ENTK_OK) {
		entk_encoding_destroy(encoding);
		return status;
	}
	for (size_t o = 0; o < outputs; o++) {
		double *row = *targets + o * count;
		fill_row(dataset, &dataset->parts[part], o, indices, count, row);
		measure(encoding, o, row, count);
		encode_row(encoding, o, row, count);
	}
	return ENTK_OK;
}

EntkStatus entk_encode_as(const EntkEncoding *encoding, const EntkDataset *dataset, EntkPartName part,
			  const size_t *indices, size_t count, double **targets, EntkError *error)
{
	EntkStatus status = allocate_targets(dataset->outputs, count, targets, error);
	for (size_t o = 0; status == ENTK_OK && o < dataset->outputs; o++) {
		fill_row(dataset, &dataset->parts[part], o, indices, count, *targets + o * count);
		encode_row(encoding, o, *targets + o * count, count);
	}
	return status;
}

void entk_decode(const EntkEncoding *encoding, double *predictions, size_t m)
{
	for (size_t i = 0; i < m; i++)
		for (size_t o = 0; o < encoding->outputs; o++) {
			double *p = predictions + i * encoding->outputs + o;
			*p = encoding->center[o] + encoding->scale[o] * *p;
		}
}
