/* Spectra of nets on vectors, on the whole sphere: see spectrum.h and zonal.h. */
#include "spectrum/spectrum.h"

#include "learn/grams.h"
#include "numerics/linalg.h"
#include "spectrum/zonal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEGREES       20
/* Sums of the learning curve go on beyond the degrees that are shown; what is left acts as a ridge. */
#define CURVE_DEGREES 300

/* Samples at the nodes of the quadrature: (cos, sin, 0, ..). The first one is at angle 0. */
static EntkStatus samples_at(const EntkNet *net, uint32_t precision, const double *angles, size_t count,
			     EntkSamples *samples, EntkError *error)
{
	size_t size = net->channels;
	*samples = (EntkSamples){.count = count, .size = size, .precision = precision};
	samples->values = entk_allocate(count * size, precision / 8, "the samples", error);
	if (!samples->values)
		return error->status;
	for (size_t i = 0; i < count; i++)
		for (size_t axis = 0; axis < 2; axis++) {
			double value = axis ? sin(angles[i]) : cos(angles[i]);
			if (precision == 32)
				((float *)samples->values)[i * size + axis] = (float)value;
			else
				((double *)samples->values)[i * size + axis] = value;
		}
	return ENTK_OK;
}

/* kernel[i] of a vector at angle 0 with one at angles[i]; at[0] is that with itself. */
static EntkStatus kernel_at(EntkSpectrumCommand *command, const EntkNet *net, const double *angles, size_t count,
			    double **kernel, double *self, EntkError *error)
{
	const double zero = 0;
	uint32_t precision = command->line.common.program->precision;
	EntkSamples pole = {0}, others = {0};
	EntkGramOptions options = entk_common_gram_options(&command->line.common);
	bool ntk = command->line.learn.ntk;
	EntkStatus status = samples_at(net, precision, &zero, 1, &pole, error);
	if (status == ENTK_OK)
		status = samples_at(net, precision, angles, count, &others, error);
	if (status == ENTK_OK)
		status = entk_learn_gram(&command->line, net, &pole, &others, kernel, error);
	if (status == ENTK_OK)
		status = entk_gram_diagonal(command->line.common.program, net, &pole, &options, ntk ? NULL : self,
					    ntk ? self : NULL, error);
	entk_samples_destroy(&pole);
	entk_samples_destroy(&others);
	return status;
}

static EntkStatus find_eigenvalues(EntkSpectrumCommand *command, const EntkNet *net, size_t degrees, double **lambda,
				   double *self, EntkError *error)
{
	size_t count = 2 * degrees + 20;
	double *kernel = NULL, *angles = entk_linalg_matrix(1, count, "the nodes", error),
	       *weights = entk_linalg_matrix(1, count, "the nodes", error);
	*lambda = entk_linalg_matrix(1, degrees + 1, "the eigenvalues", error);
	EntkStatus status = angles && weights && *lambda ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		entk_zonal_nodes(count, angles, weights);
		status = kernel_at(command, net, angles, count, &kernel, self, error);
	}
	if (status == ENTK_OK)
		entk_zonal_eigenvalues(net->channels, kernel, angles, weights, count, degrees, *lambda);
	free(kernel);
	free(angles);
	free(weights);
	return status;
}

/* ---- the curve --------------------------------------------------------------------------------------------------- */

static double absolute_ridge(const EntkLearn *learn, double self)
{
	return learn->rule == ENTK_RIDGE_ABSOLUTE ? learn->ridge : learn->ridge * self;
}

static void print_curve(const EntkSpectrumCommand *command, const EntkZonal *zonal, double ridge)
{
	printf("  learning curve of a target of degree %zu, ridge %.4g absolute, noise %g\n  %10s %12s %12s %12s\n",
	       command->target_degree, ridge, command->noise, "samples", "test error", "kappa", "gamma");
	for (size_t i = 0; i < command->size_count; i++) {
		EntkZonalPoint p = entk_zonal_learning(zonal, (double)command->sizes[i], ridge, command->target_degree,
						       command->noise);
		printf("  %10zu %12.6g %12.6g %12.6g\n", command->sizes[i], p.error, p.kappa, p.gamma);
	}
}

static void add_curve(EntkSpectrumCommand *command, const EntkZonal *zonal, double ridge)
{
	EntkJson *json = &command->json;
	entk_json_put_integer(json, "target_degree", (int64_t)command->target_degree);
	entk_json_put_number(json, "ridge_absolute", ridge);
	entk_json_key(json, "learning_curve");
	entk_json_array(json);
	for (size_t i = 0; i < command->size_count; i++) {
		EntkZonalPoint p = entk_zonal_learning(zonal, (double)command->sizes[i], ridge, command->target_degree,
						       command->noise);
		entk_json_object(json);
		entk_json_put_integer(json, "samples", (int64_t)command->sizes[i]);
		entk_json_put_number(json, "error", p.error);
		entk_json_put_number(json, "kappa", p.kappa);
		entk_json_put_number(json, "gamma", p.gamma);
		entk_json_close(json, '}');
	}
	entk_json_close(json, ']');
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

static void print_sphere(const EntkSpectrumCommand *command, const EntkNet *net, const EntkZonal *zonal, double ridge)
{
	printf("net %s: %s on unit vectors in %u dimensions, %.10g of a vector with itself\n  %10s %14s %14s\n",
	       net->name, entk_learn_kernel(&command->line.learn), net->channels, zonal->trace, "degree", "eigenvalue",
	       "multiplicity");
	for (size_t k = 0; k <= command->degrees; k++)
		printf("  %10zu %14.10g %14.10g\n", k, zonal->lambda[k], entk_zonal_multiplicity(net->channels, k));
	if (command->target_degree != SIZE_MAX)
		print_curve(command, zonal, ridge);
}

static void add_sphere(EntkSpectrumCommand *command, const EntkNet *net, const EntkZonal *zonal, double ridge)
{
	EntkJson *json = &command->json;
	entk_json_object(json);
	entk_json_put_string(json, "net", net->name);
	entk_json_put_string(json, "kernel", entk_learn_kernel(&command->line.learn));
	entk_json_put_integer(json, "dimension", (int64_t)net->channels);
	entk_json_put_number(json, "trace", zonal->trace);
	entk_json_put_numbers(json, "eigenvalues", zonal->lambda, command->degrees + 1);
	entk_json_key(json, "multiplicities");
	entk_json_flat_array(json);
	for (size_t k = 0; k <= command->degrees; k++)
		entk_json_number(json, entk_zonal_multiplicity(net->channels, k));
	entk_json_close(json, ']');
	if (command->target_degree != SIZE_MAX)
		add_curve(command, zonal, ridge);
	entk_json_close(json, '}');
}

/* ---- figure ------------------------------------------------------------------------------------------------------ */

/* What of a net is drawn: shares of the trace per degree, and test errors. */
typedef struct Drawn {
	double *power, *error;
} Drawn;

static EntkStatus keep_for_figure(const EntkSpectrumCommand *command, const EntkZonal *zonal, double ridge,
				  Drawn *drawn, EntkError *error)
{
	drawn->power = entk_linalg_matrix(1, command->degrees, "the figure", error);
	drawn->error = entk_linalg_matrix(1, command->size_count + 1, "the figure", error);
	if (!drawn->power || !drawn->error)
		return error->status;
	/* Degree 0 has no place on a logarithmic axis; what is zero is only rounding. */
	for (size_t k = 1; k <= command->degrees; k++)
		drawn->power[k - 1] = zonal->lambda[k] > 1e-15 * zonal->trace ? zonal->lambda[k] : NAN;
	for (size_t i = 0; i < command->size_count && command->target_degree != SIZE_MAX; i++)
		drawn->error[i] = entk_zonal_learning(zonal, (double)command->sizes[i], ridge, command->target_degree,
						      command->noise)
					  .error;
	return ENTK_OK;
}

static EntkStatus draw(const EntkSpectrumCommand *command, const Drawn *drawn, size_t count, EntkError *error)
{
	double *degrees = entk_linalg_matrix(1, command->degrees, "the figure", error),
	       *sizes = entk_linalg_matrix(1, command->size_count + 1, "the figure", error);
	EntkCurve *curves = entk_allocate(2 * count, sizeof *curves, "the figure", error);
	EntkStatus status = degrees && sizes && curves ? ENTK_OK : error->status;
	char title[200], target[80];
	if (status == ENTK_OK) {
		for (size_t c = 0; c < count; c++) {
			const char *name = entk_common_net(&command->line.common, c)->name;
			curves[c] = (EntkCurve){name, drawn[c].power, NULL};
			curves[count + c] = (EntkCurve){name, drawn[c].error, NULL};
		}
		for (size_t k = 0; k < command->degrees; k++)
			degrees[k] = (double)(k + 1);
		for (size_t i = 0; i < command->size_count; i++)
			sizes[i] = (double)command->sizes[i];
		snprintf(title, sizeof title, "%.120s on the sphere, %s", command->line.common.program->source,
			 entk_learn_kernel(&command->line.learn));
		snprintf(target, sizeof target, "Predicted test error, target of degree %zu", command->target_degree);
		const EntkPanel panels[2] = {
			{"Eigenvalues by degree", "degree", "eigenvalue", "%.0f", degrees, command->degrees, curves,
			 count, .many = command->degrees > 12, .log_y = true},
			{target, "training samples", "mean squared error", "%.0f", sizes, command->size_count,
			 curves + count, count, .log_y = true},
		};
		const EntkFigure figure = {
			.title = title, .panels = panels, .panel_count = command->target_degree == SIZE_MAX ? 1 : 2};
		entk_spectrum_draw(command, &figure);
	}
	free(degrees);
	free(sizes);
	free(curves);
	return status;
}

/* ---- all nets ---------------------------------------------------------------------------------------------------- */

static EntkStatus run_net(EntkSpectrumCommand *command, const EntkNet *net, Drawn *drawn, EntkError *error)
{
	double *lambda = NULL, self = 0;
	bool curve = command->target_degree != SIZE_MAX;
	size_t degrees = curve && command->degrees < CURVE_DEGREES ? CURVE_DEGREES : command->degrees;
	EntkStatus status = find_eigenvalues(command, net, degrees, &lambda, &self, error);
	if (status == ENTK_OK) {
		EntkZonal zonal = {net->channels, degrees, lambda, self};
		double ridge = absolute_ridge(&command->line.learn, self);
		add_sphere(command, net, &zonal, ridge);
		if (!entk_spectrum_silent(command))
			print_sphere(command, net, &zonal, ridge);
		status = keep_for_figure(command, &zonal, ridge, drawn, error);
	}
	free(lambda);
	return status;
}

/* Nets on anything but vectors have no kernel of the angle alone. */
static EntkStatus check_nets(const EntkSpectrumCommand *command, EntkError *error)
{
	const EntkNet *net;
	for (size_t i = 0; (net = entk_common_net(&command->line.common, i)) != NULL; i++)
		if (net->dim != 0 || net->channels < 2) {
			entk_fail(error, ENTK_USAGE, net->name,
				  "--sphere is for nets on vectors of at least 2 numbers");
			return entk_fix(error, "choose a net with --net, or give a data set");
		}
	return ENTK_OK;
}

static void set_defaults(EntkSpectrumCommand *command)
{
	static const size_t sizes[] = {10, 20, 50, 100, 200, 500, 1000};
	if (command->degrees == 0)
		command->degrees = DEGREES;
	if (command->target_degree == SIZE_MAX || command->size_count > 0)
		return;
	memcpy(command->sizes, sizes, sizeof sizes);
	command->size_count = sizeof sizes / sizeof sizes[0];
}

EntkStatus entk_spectrum_of_sphere(EntkSpectrumCommand *command, EntkError *error)
{
	const EntkNet *net;
	size_t count = 0;
	Drawn *drawn = NULL;
	EntkStatus status = check_nets(command, error);
	set_defaults(command);
	if (status == ENTK_OK) {
		drawn = entk_allocate(command->line.common.program->net_count, sizeof *drawn, "the figure", error);
		status = drawn ? ENTK_OK : error->status;
	}
	for (; status == ENTK_OK && (net = entk_common_net(&command->line.common, count)) != NULL; count++)
		status = run_net(command, net, &drawn[count], error);
	if (status == ENTK_OK && command->figure)
		status = draw(command, drawn, count, error);
	for (size_t i = 0; i < count; i++) {
		free(drawn[i].power);
		free(drawn[i].error);
	}
	free(drawn);
	return status;
}
