/* Model files: see model.h. */
#include "learn/model.h"

#include "arrays/npz_writer.h"
#include "data/dataset.h"
#include "output/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT 2

void entk_model_destroy(EntkModel *model)
{
	free(model->params);
	entk_samples_destroy(&model->train);
	entk_encoding_destroy(&model->encoding);
	free(model->classes);
	free(model->targets);
	free(model->alpha);
	free(model->nngp_train);
	free(model->ntk_train);
	memset(model, 0, sizeof *model);
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static EntkStatus add_texts(const EntkProgram *program, const EntkModel *model, EntkNpzWriter *writer, EntkError *error)
{
	EntkText names = {0};
	for (uint32_t i = 0; i < program->param_count; i++)
		entk_text_add(&names, "%s\n", program->params[i].name);
	EntkStatus status = names.failed ? entk_fail_memory(error, "names of params", names.size) : ENTK_OK;
	if (status == ENTK_OK)
		status = entk_npz_writer_add_text(writer, "net", model->net->name, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add_text(writer, "kernel", model->ntk ? "ntk" : "nngp", error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add_text(writer, "task", entk_task_name(model->task), error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add_text(writer, "param_names", names.bytes ? names.bytes : "", error);
	entk_text_destroy(&names);
	return status;
}

static EntkStatus add_scalars(const EntkProgram *program, const EntkModel *model, EntkNpzWriter *writer,
			      EntkError *error)
{
	const struct {
		const char *key;
		double value;
	} numbers[] = {{"ridge", model->ridge},
		       {"jitter", model->jitter},
		       {"time", model->time},
		       {"amplitude", model->amplitude}};
	EntkStatus status = entk_npz_writer_add_i64(writer, "format", FORMAT, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add_i64(writer, "precision", program->precision, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add(writer, "hash", ENTK_U64, 0, NULL, &model->net->hash, error);
	if (status == ENTK_OK)
		status = entk_npz_writer_add_i64(writer, "from_bytes", model->train.from_bytes, error);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == ENTK_OK; i++)
		status = entk_npz_writer_add_f64(writer, numbers[i].key, numbers[i].value, error);
	return status;
}

/* (n, shape.., channels), as the net takes it. */
static EntkStatus add_samples(const EntkModel *model, EntkNpzWriter *writer, EntkError *error)
{
	size_t shape[5] = {model->count};
	unsigned rank = 1;
	for (uint32_t a = 0; a < model->net->dim; a++)
		shape[rank++] = model->net->shape[a];
	shape[rank++] = model->net->channels;
	return entk_npz_writer_add(writer, "x_train", model->train.precision == 32 ? ENTK_F32 : ENTK_F64, rank, shape,
				   model->train.values, error);
}

EntkStatus entk_model_write(const EntkProgram *program, const EntkModel *model, EntkNpzWriter *writer, EntkError *error)
{
	size_t n = model->count, outputs = model->outputs, params = program->param_count;
	const struct {
		const char *key;
		const double *values;
		unsigned rank;
		size_t shape[2];
	} arrays[] = {
		{"params", model->params, 1, {params, 0}},         {"center", model->encoding.center, 1, {outputs, 0}},
		{"scale", model->encoding.scale, 1, {outputs, 0}}, {"targets", model->targets, 2, {outputs, n}},
		{"alpha", model->alpha, 2, {outputs, n}},          {"nngp_train", model->nngp_train, 2, {n, n}},
		{"ntk_train", model->ntk_train, 2, {n, n}},
	};
	EntkStatus status = add_texts(program, model, writer, error);
	if (status == ENTK_OK)
		status = add_scalars(program, model, writer, error);
	if (status == ENTK_OK)
		status = add_samples(model, writer, error);
	if (status == ENTK_OK && model->classes)
		status = entk_npz_writer_add(writer, "classes", ENTK_I64, 1, &outputs, model->classes, error);
	for (size_t i = 0; i < sizeof arrays / sizeof arrays[0] && status == ENTK_OK; i++)
		if (arrays[i].values)
			status = entk_npz_writer_add(writer, arrays[i].key, ENTK_F64, arrays[i].rank, arrays[i].shape,
						     arrays[i].values, error);
	return status == ENTK_OK ? entk_npz_writer_commit(writer, error) : status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static EntkStatus no_model(EntkNpz *npz, const char *key, EntkError *error)
{
	entk_fail(error, ENTK_INPUT, entk_npz_where(npz, key), "not what `fit` writes");
	return entk_fix(error, "make the model anew with fit");
}

/* A text stored as bytes; the caller frees it. */
static EntkStatus read_text(EntkNpz *npz, const char *key, char **text, EntkError *error)
{
	EntkArray array = {0};
	*text = NULL;
	EntkStatus status = entk_npz_read(npz, key, &array, error);
	if (status == ENTK_OK && (array.type != ENTK_U8 || array.rank != 1))
		status = no_model(npz, key, error);
	if (status == ENTK_OK) {
		*text = entk_allocate(array.count + 1, 1, "a text", error);
		status = *text ? ENTK_OK : error->status;
	}
	if (status == ENTK_OK)
		memcpy(*text, array.data, array.count);
	entk_array_destroy(&array);
	return status;
}

static EntkStatus read_scalar(EntkNpz *npz, const char *key, double *value, EntkError *error)
{
	EntkArray array = {0};
	EntkStatus status = entk_npz_read(npz, key, &array, error);
	if (status == ENTK_OK && array.count != 1)
		status = no_model(npz, key, error);
	if (status == ENTK_OK)
		*value = entk_array_get(&array, 0);
	entk_array_destroy(&array);
	return status;
}

/* float64 of a known shape; columns 0: rank 1. */
static EntkStatus read_matrix(EntkNpz *npz, const char *key, size_t rows, size_t columns, double **values,
			      EntkError *error)
{
	EntkNpyHeader header;
	EntkStatus status = entk_npz_header(npz, key, &header, error);
	if (status != ENTK_OK)
		return status;
	bool fits =
		header.rank == (columns ? 2 : 1) && header.shape[0] == rows && (!columns || header.shape[1] == columns);
	if (header.type != ENTK_F64 || !fits)
		return no_model(npz, key, error);
	*values = entk_allocate(header.count, sizeof **values, "the model", error);
	if (!*values)
		return error->status;
	status = entk_npz_read_values(npz, key, ENTK_F64, 1, *values, error);
	for (size_t i = 0; status == ENTK_OK && i < header.count; i++)
		if (!isfinite((*values)[i]))
			status = no_model(npz, key, error);
	return status;
}

static EntkStatus find_net(const EntkProgram *program, EntkNpz *npz, EntkModel *model, EntkError *error)
{
	char *name;
	EntkArray hash = {0};
	double precision = 0;
	EntkStatus status = read_text(npz, "net", &name, error);
	if (status == ENTK_OK)
		status = read_scalar(npz, "precision", &precision, error);
	if (status == ENTK_OK)
		status = entk_npz_read(npz, "hash", &hash, error);
	if (status == ENTK_OK && (hash.type != ENTK_U64 || hash.count != 1))
		status = no_model(npz, "hash", error);
	for (uint32_t i = 0; status == ENTK_OK && i < program->net_count; i++)
		if (strcmp(program->nets[i].name, name) == 0)
			model->net = &program->nets[i];
	if (status == ENTK_OK && !model->net) {
		entk_fail(error, ENTK_INPUT, entk_npz_file(npz),
			  "a model of the net \"%.100s\", which this program does not have", name);
		status = entk_fix(error, "predict with the program that fitted it");
	} else if (status == ENTK_OK &&
		   (*(const uint64_t *)hash.data != model->net->hash || precision != program->precision)) {
		entk_fail(error, ENTK_INPUT, entk_npz_file(npz),
			  "a model of another version of the net \"%.100s\": its %s", name,
			  precision != program->precision ? "precision differs" : "architecture differs");
		status = entk_fix(error, "predict with the program that fitted it, or fit again");
	}
	free(name);
	entk_array_destroy(&hash);
	return status;
}

static EntkStatus read_params(const EntkProgram *program, EntkNpz *npz, EntkModel *model, EntkError *error)
{
	EntkText expected = {0};
	char *names = NULL;
	for (uint32_t i = 0; i < program->param_count; i++)
		entk_text_add(&expected, "%s\n", program->params[i].name);
	EntkStatus status = expected.failed ? entk_fail_memory(error, "names of params", expected.size)
					    : read_text(npz, "param_names", &names, error);
	if (status == ENTK_OK && strcmp(names, expected.bytes ? expected.bytes : "") != 0) {
		entk_fail(error, ENTK_INPUT, entk_npz_file(npz), "the model's params are not this program's");
		status = entk_fix(error, "predict with the program that fitted it, or fit again");
	}
	if (status == ENTK_OK)
		status = read_matrix(npz, "params", program->param_count, 0, &model->params, error);
	free(names);
	entk_text_destroy(&expected);
	return status;
}

static EntkStatus read_names(EntkNpz *npz, EntkModel *model, EntkError *error)
{
	char *kernel = NULL, *task = NULL;
	EntkStatus status = read_text(npz, "kernel", &kernel, error);
	if (status == ENTK_OK)
		status = read_text(npz, "task", &task, error);
	if (status == ENTK_OK) {
		int t = ENTK_TASK_CLASSES;
		model->ntk = strcmp(kernel, "ntk") == 0;
		while (t <= ENTK_TASK_REGRESSION && strcmp(task, entk_task_name((EntkTask)t)) != 0)
			t++;
		model->task = (EntkTask)t;
		if (t > ENTK_TASK_REGRESSION)
			status = no_model(npz, "task", error);
	}
	free(kernel);
	free(task);
	return status;
}

static EntkStatus read_classes(EntkNpz *npz, EntkModel *model, EntkError *error)
{
	EntkArray array = {0};
	if (model->task != ENTK_TASK_CLASSES)
		return ENTK_OK;
	EntkStatus status = entk_npz_read(npz, "classes", &array, error);
	if (status == ENTK_OK && (array.type != ENTK_I64 || array.count != model->outputs))
		status = no_model(npz, "classes", error);
	if (status == ENTK_OK) {
		model->classes = array.data;
		array.data = NULL;
	}
	entk_array_destroy(&array);
	return status;
}

static EntkStatus read_scalars(EntkNpz *npz, EntkModel *model, EntkError *error)
{
	const struct {
		const char *key;
		double *value;
	} numbers[] = {{"ridge", &model->ridge},
		       {"jitter", &model->jitter},
		       {"time", &model->time},
		       {"amplitude", &model->amplitude}};
	EntkStatus status = ENTK_OK;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == ENTK_OK; i++)
		status = read_scalar(npz, numbers[i].key, numbers[i].value, error);
	if (status == ENTK_OK && !(model->ridge >= 0 && isfinite(model->ridge)))
		status = no_model(npz, "ridge", error);
	if (status == ENTK_OK && !(model->time >= 0))
		status = no_model(npz, "time", error);
	return status;
}

static EntkStatus read_arrays(const EntkProgram *program, EntkNpz *npz, EntkModel *model, EntkError *error)
{
	EntkNpyHeader header;
	double from_bytes = 0;
	EntkStatus status = entk_samples_load(npz, "x_train", model->net, program->precision, &model->train, error);
	if (status == ENTK_OK && entk_npz_has(npz, "from_bytes"))
		status = read_scalar(npz, "from_bytes", &from_bytes, error);
	model->train.from_bytes = from_bytes != 0;
	if (status == ENTK_OK)
		status = entk_npz_header(npz, "targets", &header, error);
	if (status == ENTK_OK && (header.rank != 2 || header.shape[0] == 0))
		status = no_model(npz, "targets", error);
	if (status != ENTK_OK)
		return status;
	size_t n = model->count = model->train.count, outputs = model->outputs = header.shape[0];
	model->encoding = (EntkEncoding){.task = model->task, .outputs = outputs};
	const struct {
		const char *key;
		size_t rows, columns;
		double **values;
	} arrays[] = {
		{"center", outputs, 0, &model->encoding.center}, {"scale", outputs, 0, &model->encoding.scale},
		{"targets", outputs, n, &model->targets},        {"alpha", outputs, n, &model->alpha},
		{"nngp_train", n, n, &model->nngp_train},        {"ntk_train", n, n, &model->ntk_train},
	};
	/* The last two are the kernels. */
	size_t count = sizeof arrays / sizeof arrays[0];
	count -= !entk_npz_has(npz, "nngp_train") ? 2 : !model->ntk;
	for (size_t i = 0; i < count && status == ENTK_OK; i++)
		status = read_matrix(npz, arrays[i].key, arrays[i].rows, arrays[i].columns, arrays[i].values, error);
	return status == ENTK_OK ? read_classes(npz, model, error) : status;
}

EntkStatus entk_model_read(const EntkProgram *program, const char *path, EntkModel *model, EntkError *error)
{
	EntkNpz *npz;
	double format = 0;
	memset(model, 0, sizeof *model);
	EntkStatus status = entk_npz_open(path, &npz, error);
	if (status == ENTK_OK)
		status = read_scalar(npz, "format", &format, error);
	if (status == ENTK_OK && format != FORMAT) {
		entk_fail(error, ENTK_INPUT, path, "a model in format %g, this program reads %d", format, FORMAT);
		status = entk_fix(error, "fit again");
	}
	if (status == ENTK_OK)
		status = find_net(program, npz, model, error);
	if (status == ENTK_OK)
		status = read_params(program, npz, model, error);
	if (status == ENTK_OK)
		status = read_names(npz, model, error);
	if (status == ENTK_OK)
		status = read_scalars(npz, model, error);
	if (status == ENTK_OK)
		status = read_arrays(program, npz, model, error);
	entk_npz_close(npz);
	if (status != ENTK_OK)
		entk_model_destroy(model);
	return status;
}
