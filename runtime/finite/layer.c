/* One step of a finite network, forward and backward: the layers' definitions with weights in them. */
#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/diag.h"
#include "finite/activations/activation.h"
#include "finite/internal.h"

size_t step_rows(const FiniteNet *net, const Step *step)
{
	return (size_t)net->samples * step->copies * (size_t)step->indices;
}

/* Shape of a step and of one of its inputs. */
typedef struct Shape {
	size_t batch;                       /* samples x copies */
	size_t indices, channels;           /* of the step */
	size_t from_indices, from_channels; /* of the input */
} Shape;

static Shape shape_of(const FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	Shape shape = {
		.batch = (size_t)net->samples * step->copies, .indices = step->indices, .channels = net->channels[s]};
	if (step->input_count > 0) {
		shape.from_indices = net->plan->steps[step->inputs[0]].indices;
		shape.from_channels = net->channels[step->inputs[0]];
	}
	return shape;
}

/* ---- input ---------------------------------------------------------------------------------------------------- */

/* All copies of one sample: of each copy in `out` the transformed ones, group after group. */
static void copy_sample(const FinitePlan *plan, const double *x, size_t size, double *scratch, double *out)
{
	const Type *type = &plan->network->input->type;
	size_t copies = 1;
	memcpy(out, x, size * sizeof *out);
	for (uint32_t level = 0; level < plan->group_count; level++) {
		const Group *group = plan->groups[level];
		memcpy(scratch, out, copies * size * sizeof *out);
		for (size_t i = 0; i < copies; i++)
			for (uint32_t h = 0; h < group->order; h++)
				turn_sample(type, group->elements[h], scratch + i * size,
					    out + (i * group->order + h) * size);
		copies *= group->order;
	}
}

static void forward_input(FiniteNet *net, uint32_t s, const double *x)
{
	const Step *step = &net->plan->steps[s];
	size_t size = step->indices * net->channels[s];
	for (uint32_t i = 0; i < net->samples; i++)
		copy_sample(net->plan, x + i * size, size, net->rows, net->features[s] + i * step->copies * size);
}

/* ---- weight layers [KR-2] ------------------------------------------------------------------------------------- */

/* w / sqrt(c |S|) */
static double weight_scale(const FiniteNet *net, const Step *step, const Shape *shape)
{
	double fan_in = (double)shape->from_channels * step->taps->taps;
	return scalar_eval(step->node->as.weights.affine.weight_std, net->params) / sqrt(fan_in);
}

static double bias_scale(const FiniteNet *net, const Step *step)
{
	const Scalar *bias = step->node->as.weights.affine.bias_std;
	return bias != NULL ? scalar_eval(bias, net->params) : 0;
}

/* What a product of two gradients counts [KR-32]. In the standard parameterization [KR-60] the weights themselves are the
 * parameters, behind a factor 1/sqrt(s0); there the limit grows with the number of channels, so that the source's stands in
 * the place of the network's own. */
static double weight_share(const FiniteNet *net, const Step *step, const Shape *shape)
{
	const Affine *affine = &step->node->as.weights.affine;
	double scale = weight_scale(net, step, shape), declared = step->node->input->type.width;
	return affine->standard ? declared / ((double)shape->from_channels * affine->s[0]) : scale * scale;
}

/* A bias in the standard parameterization is trained even if it starts at 0. */
static double bias_share(const FiniteNet *net, const Step *step)
{
	const Affine *affine = &step->node->as.weights.affine;
	double beta = bias_scale(net, step);
	return affine->standard && affine->bias_std != NULL ? 1 : beta * beta;
}

/* Rows that a tap reads, one per batch and output index; zeros where it reads nothing. */
static const double *gather(const FiniteNet *net, const Step *step, const Shape *shape, uint32_t tap)
{
	const double *from = net->features[step->inputs[0]];
	if (step->taps->maps == NULL)
		return from;
	const int64_t *map = step->taps->maps + tap * shape->indices;
	size_t c = shape->from_channels;
	double *row = net->rows;
	for (size_t b = 0; b < shape->batch; b++) {
		for (size_t g = 0; g < shape->indices; g++, row += c) {
			if (map[g] == READS_NOTHING)
				memset(row, 0, c * sizeof *row);
			else
				memcpy(row, from + (b * shape->from_indices + (size_t)map[g]) * c, c * sizeof *row);
		}
	}
	return net->rows;
}

static void scatter(const FiniteNet *net, const Step *step, const Shape *shape, uint32_t tap, double *to)
{
	const int64_t *map = step->taps->maps + tap * shape->indices;
	size_t c = shape->from_channels;
	const double *row = net->rows;
	for (size_t b = 0; b < shape->batch; b++) {
		for (size_t g = 0; g < shape->indices; g++, row += c) {
			if (map[g] == READS_NOTHING)
				continue;
			double *at = to + (b * shape->from_indices + (size_t)map[g]) * c;
			for (size_t j = 0; j < c; j++)
				at[j] += row[j];
		}
	}
}

static void forward_weights(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	Shape shape = shape_of(net, s);
	size_t rows = shape.batch * shape.indices, tap_size = shape.from_channels * shape.channels;
	const double *weights = net->parameters + net->first[s], *bias = weights + step->taps->taps * tap_size;
	double scale = weight_scale(net, step, &shape), beta = bias_scale(net, step), *out = net->features[s];
	for (size_t row = 0; row < rows; row++)
		for (size_t i = 0; i < shape.channels; i++)
			out[row * shape.channels + i] = beta != 0 ? beta * bias[i] : 0;
	for (uint32_t tap = 0; tap < step->taps->taps; tap++) {
		const double *seen = gather(net, step, &shape, tap);
		cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)shape.channels,
			    (int)shape.from_channels, scale, seen, (int)shape.from_channels, weights + tap * tap_size,
			    (int)shape.channels, 1, out, (int)shape.channels);
	}
}

/* ntk[i, j] += share x <gradient of sample i, gradient of sample j>; the gradients are rows. */
static void add_products(const FiniteNet *net, const double *gradients, size_t size, double share, double *ntk)
{
	int n = (int)net->samples;
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, (int)size, share, gradients, (int)size, gradients,
		    (int)size, 1, ntk, n);
}

/* With A the rows that the tap reads for a sample and D the cotangents, the gradient of its weights is A^T D, but for a
 * factor. */
static void weight_gradients(FiniteNet *net, uint32_t s, uint32_t tap, const Shape *shape, double share, double *ntk)
{
	const Step *step = &net->plan->steps[s];
	size_t rows = step->copies * shape->indices, size = shape->from_channels * shape->channels;
	const double *seen = gather(net, step, shape, tap), *d = net->cotangents[s];
	for (uint32_t i = 0; i < net->samples; i++)
		cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)shape->from_channels, (int)shape->channels,
			    (int)rows, 1, seen + i * rows * shape->from_channels, (int)shape->from_channels,
			    d + i * rows * shape->channels, (int)shape->channels, 0, net->gradients + i * size,
			    (int)shape->channels);
	add_products(net, net->gradients, size, share, ntk);
}

static void bias_gradients(FiniteNet *net, uint32_t s, const Shape *shape, double share, double *ntk)
{
	const Step *step = &net->plan->steps[s];
	size_t rows = step->copies * shape->indices;
	const double *d = net->cotangents[s];
	memset(net->gradients, 0, net->samples * shape->channels * sizeof *net->gradients);
	for (uint32_t i = 0; i < net->samples; i++) {
		double *sum = net->gradients + i * shape->channels;
		for (size_t row = 0; row < rows; row++, d += shape->channels)
			for (size_t c = 0; c < shape->channels; c++)
				sum[c] += d[c];
	}
	add_products(net, net->gradients, shape->channels, share, ntk);
}

static void backward_weights(FiniteNet *net, uint32_t s, double *ntk)
{
	const Step *step = &net->plan->steps[s];
	Shape shape = shape_of(net, s);
	size_t rows = shape.batch * shape.indices, tap_size = shape.from_channels * shape.channels;
	double scale = weight_scale(net, step, &shape), *to = step_into(net, step->inputs[0]);
	double share = weight_share(net, step, &shape), shift = bias_share(net, step);
	for (uint32_t tap = 0; tap < step->taps->taps; tap++) {
		weight_gradients(net, s, tap, &shape, share, ntk);
		if (to == NULL)
			continue;
		bool direct = step->taps->maps == NULL;
		cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)shape.from_channels,
			    (int)shape.channels, scale, net->cotangents[s], (int)shape.channels,
			    net->parameters + net->first[s] + tap * tap_size, (int)shape.channels, direct ? 1 : 0,
			    direct ? to : net->rows, (int)shape.from_channels);
		if (!direct)
			scatter(net, step, &shape, tap, to);
	}
	if (shift != 0)
		bias_gradients(net, s, &shape, shift, ntk);
}

/* ---- pools [KR-7], [KR-8] ------------------------------------------------------------------------------------- */

static void forward_pool(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	const PoolMatrix *m = step->matrix;
	Shape shape = shape_of(net, s);
	size_t c = shape.channels;
	const double *from = net->features[step->inputs[0]];
	double *out = net->features[s];
	memset(out, 0, step_numbers(net, s) * sizeof *out);
	for (size_t b = 0; b < shape.batch; b++)
		for (size_t g = 0; g < shape.indices; g++)
			for (uint64_t i = m->start[g]; i < m->start[g + 1]; i++)
				cblas_daxpy((int)c, m->weights[i], from + (b * shape.from_indices + m->columns[i]) * c,
					    1, out + (b * shape.indices + g) * c, 1);
}

static void backward_pool(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	const PoolMatrix *m = step->matrix;
	Shape shape = shape_of(net, s);
	size_t c = shape.channels;
	double *to = step_into(net, step->inputs[0]);
	for (size_t b = 0; b < shape.batch; b++)
		for (size_t g = 0; g < shape.indices; g++)
			for (uint64_t i = m->start[g]; i < m->start[g + 1]; i++)
				cblas_daxpy((int)c, m->weights[i], net->cotangents[s] + (b * shape.indices + g) * c, 1,
					    to + (b * shape.from_indices + m->columns[i]) * c, 1);
}

/* ---- nonlinearities [KR-10] ----------------------------------------------------------------------------------- */

typedef struct Pointwise {
	const Activation *f;
	double args[POINTWISE_MAX_ARGS];
	uint32_t count;
} Pointwise;

static Pointwise pointwise_of(const FiniteNet *net, const Node *node)
{
	Pointwise p = {.f = finite_activations[node->as.pointwise.f->id], .count = node->as.pointwise.arg_count};
	ENTK_ASSERT(p.count <= POINTWISE_MAX_ARGS);
	for (uint32_t i = 0; i < p.count; i++)
		p.args[i] = scalar_eval(node->as.pointwise.args[i], net->params);
	return p;
}

static void forward_pointwise(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	Pointwise p = pointwise_of(net, step->node);
	const double *from = net->features[step->inputs[0]];
	size_t count = step_numbers(net, s);
	for (size_t i = 0; i < count; i++)
		net->features[s][i] = p.f->value(p.args, p.count, from[i]);
}

static void backward_pointwise(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	Pointwise p = pointwise_of(net, step->node);
	const double *from = net->features[step->inputs[0]];
	double *to = step_into(net, step->inputs[0]);
	size_t count = step_numbers(net, s);
	for (size_t i = 0; i < count; i++)
		to[i] += net->cotangents[s][i] * p.f->slope(p.args, p.count, from[i]);
}

/* ---- augmentation [KR-15] ------------------------------------------------------------------------------------- */

static void forward_augment(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t order = step->node->as.augment.group->order, size = step->indices * net->channels[s];
	size_t batch = (size_t)net->samples * step->copies;
	const double *from = net->features[step->inputs[0]];
	double *out = net->features[s];
	memset(out, 0, batch * size * sizeof *out);
	for (size_t b = 0; b < batch; b++)
		for (size_t h = 0; h < order; h++)
			cblas_daxpy((int)size, 1 / (double)order, from + (b * order + h) * size, 1, out + b * size, 1);
}

static void backward_augment(FiniteNet *net, uint32_t s)
{
	const Step *step = &net->plan->steps[s];
	size_t order = step->node->as.augment.group->order, size = step->indices * net->channels[s];
	size_t batch = (size_t)net->samples * step->copies;
	double *to = step_into(net, step->inputs[0]);
	for (size_t b = 0; b < batch; b++)
		for (size_t h = 0; h < order; h++)
			cblas_daxpy((int)size, 1 / (double)order, net->cotangents[s] + b * size, 1,
				    to + (b * order + h) * size, 1);
}

/* ---- any step ------------------------------------------------------------------------------------------------- */

void step_forward(FiniteNet *net, uint32_t s, const double *x)
{
	switch (net->plan->steps[s].op) {
	case STEP_INPUT:
		forward_input(net, s, x);
		return;
	case STEP_WEIGHTS:
		forward_weights(net, s);
		return;
	case STEP_POOL:
		forward_pool(net, s);
		return;
	case STEP_POINTWISE:
		forward_pointwise(net, s);
		return;
	case STEP_FLATTEN:
	case STEP_SUM:
		forward_sum(net, s);
		return;
	case STEP_PRODUCT:
		forward_product(net, s);
		return;
	case STEP_CONCAT:
		forward_concat(net, s);
		return;
	case STEP_LAYERNORM:
		forward_layernorm(net, s);
		return;
	case STEP_DROPOUT:
		forward_dropout(net, s);
		return;
	case STEP_AUGMENT:
		forward_augment(net, s);
		return;
	}
}

void step_backward(FiniteNet *net, uint32_t s, double *ntk)
{
	switch (net->plan->steps[s].op) {
	case STEP_INPUT:
		return;
	case STEP_WEIGHTS:
		backward_weights(net, s, ntk);
		return;
	case STEP_POOL:
		backward_pool(net, s);
		return;
	case STEP_POINTWISE:
		backward_pointwise(net, s);
		return;
	case STEP_FLATTEN:
	case STEP_SUM:
		backward_sum(net, s);
		return;
	case STEP_PRODUCT:
		backward_product(net, s);
		return;
	case STEP_CONCAT:
		backward_concat(net, s);
		return;
	case STEP_LAYERNORM:
		backward_layernorm(net, s);
		return;
	case STEP_DROPOUT:
		backward_dropout(net, s);
		return;
	case STEP_AUGMENT:
		backward_augment(net, s);
		return;
	}
}
