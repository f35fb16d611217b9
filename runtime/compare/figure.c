/* The figure of a comparison: learning curves, paired differences to the first net, dependence on the ridge. See compare.h. */
#include "compare/compare.h"

#include "numerics/linalg.h"
#include "output/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every full decade. */
#define RIDGES ((ENTK_RIDGE_GRID + 1) / 2)

enum { CURVE, DIFFERENCE, RIDGE, PANELS };

/* Numbers of all panels: means and half intervals of every net at every size, and at every ridge for the largest size. */
typedef struct Drawing {
	double *sizes, *ridges;              /* x axes */
	double *mean[PANELS], *half[PANELS]; /* nets x size_count or RIDGES */
	EntkCurve *curves[PANELS];           /* one per net; of DIFFERENCE the first one is not drawn */
} Drawing;

static void drawing_destroy(Drawing *drawing)
{
	free(drawing->sizes);
	free(drawing->ridges);
	for (int p = 0; p < PANELS; p++) {
		free(drawing->mean[p]);
		free(drawing->half[p]);
		free(drawing->curves[p]);
	}
}

static EntkStatus drawing_create(const EntkCompare *compare, Drawing *drawing, EntkError *error)
{
	const char *what = "the figure";
	memset(drawing, 0, sizeof *drawing);
	drawing->sizes = entk_linalg_matrix(1, compare->size_count, what, error);
	drawing->ridges = entk_linalg_matrix(1, RIDGES, what, error);
	bool good = drawing->sizes && drawing->ridges;
	for (int p = 0; p < PANELS; p++) {
		size_t points = p == RIDGE ? RIDGES : compare->size_count;
		drawing->mean[p] = entk_linalg_matrix(compare->net_count, points, what, error);
		drawing->half[p] = entk_linalg_matrix(compare->net_count, points, what, error);
		drawing->curves[p] = entk_allocate(compare->net_count, sizeof(EntkCurve), what, error);
		good = good && drawing->mean[p] && drawing->half[p] && drawing->curves[p];
	}
	return good ? ENTK_OK : error->status;
}

static void fill_drawing(const EntkCompare *compare, Drawing *drawing, double *values)
{
	for (size_t i = 0; i < compare->size_count; i++)
		drawing->sizes[i] = (double)compare->sizes[i];
	for (size_t i = 0; i < RIDGES; i++)
		drawing->ridges[i] = entk_ridge_grid(2 * i);
	for (size_t net = 0; net < compare->net_count; net++)
		for (int p = 0; p < PANELS; p++) {
			size_t points = p == RIDGE ? RIDGES : compare->size_count;
			double *mean = drawing->mean[p] + net * points, *half = drawing->half[p] + net * points;
			for (size_t i = 0; i < points; i++) {
				EntkSpread spread = p == CURVE ? entk_compare_scores(compare, net, i, values)
						    : p == DIFFERENCE
							    ? entk_compare_difference(compare, net, 0, i, values)
							    : entk_compare_swept(compare, net, compare->size_count - 1,
										 2 * i, values);
				mean[i] = spread.mean;
				half[i] = spread.half;
			}
			drawing->curves[p][net] = (EntkCurve){compare->nets[net].name, mean, half};
		}
}

/* "histology.entk on patches.npz (6 classes): test accuracy of 250 samples, mean and 95 % interval" */
static void write_title(const EntkCompare *compare, char *title, size_t size)
{
	const char *path = compare->line.arguments[0], *slash = strrchr(path, '/');
	char targets[64];
	if (entk_compare_is_regression(compare))
		snprintf(targets, sizeof targets, "%zu real target%s", compare->dataset.outputs,
			 compare->dataset.outputs == 1 ? "" : "s");
	else
		snprintf(targets, sizeof targets, "%zu %s", compare->dataset.outputs,
			 entk_task_name(compare->dataset.task));
	snprintf(title, size, "%.80s on %.80s (%s): %s on %zu test samples, %s, mean and 95 %% interval",
		 compare->line.common.program->source, slash ? slash + 1 : path, targets,
		 entk_compare_score_name(compare), compare->test_count, entk_learn_kernel(&compare->line.learn));
}

static EntkStatus draw(const EntkCompare *compare, const Drawing *drawing, EntkError *error)
{
	char score[64], difference[200], title[400], ridge_title[64];
	bool real = entk_compare_is_regression(compare), several = compare->net_count > 1;
	snprintf(score, sizeof score, "test %s", entk_compare_score_name(compare));
	snprintf(difference, sizeof difference, "%s minus that of %.60s", real ? "error" : "accuracy",
		 compare->nets[0].name);
	snprintf(ridge_title, sizeof ridge_title, "Dependence on the ridge, %zu samples",
		 compare->sizes[compare->size_count - 1]);
	write_title(compare, title, sizeof title);
	/* Accuracies from 0 to 1, errors from 0: differences have a panel of their own. */
	const EntkPanel curve = {.title = "Learning curve",
				 .x_label = "training samples",
				 .y_label = score,
				 .x_format = "%.0f",
				 .x = drawing->sizes,
				 .points = compare->size_count,
				 .curves = drawing->curves[CURVE],
				 .curve_count = compare->net_count,
				 .low = 0,
				 .high = real ? 1e-300 : 1};
	EntkPanel gain = curve, ridge = curve;
	gain.title = "Paired difference";
	gain.y_label = difference;
	gain.curves = drawing->curves[DIFFERENCE] + 1;
	gain.curve_count = compare->net_count - 1;
	gain.first_style = 1;
	gain.low = gain.high = 0;
	gain.zero = true;
	ridge.title = ridge_title;
	ridge.x_label = "ridge / mean diagonal of the Gram";
	ridge.x_format = "%.0e";
	ridge.x = drawing->ridges;
	ridge.points = RIDGES;
	ridge.curves = drawing->curves[RIDGE];
	ridge.missing = "not positive definite";
	const EntkPanel panels[PANELS] = {curve, several ? gain : ridge, ridge};
	const EntkFigure figure = {.title = title, .panels = panels, .panel_count = several ? PANELS : 2};
	return entk_figure_write(&figure, compare->figure, error);
}

EntkStatus entk_compare_figure(const EntkCompare *compare, double *values, EntkError *error)
{
	Drawing drawing;
	EntkStatus status = drawing_create(compare, &drawing, error);
	if (status == ENTK_OK) {
		fill_drawing(compare, &drawing, values);
		status = draw(compare, &drawing, error);
	}
	drawing_destroy(&drawing);
	return status;
}
