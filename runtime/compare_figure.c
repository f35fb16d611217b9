/* The figure of a comparison: see compare.h. */
#include "compare.h"
#include "figure.h"
#include "linalg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of both panels: means and half intervals of every net at every size, and at every ridge for the largest size. */
typedef struct Drawing {
	double *sizes, *mean, *half;              /* size_count; nets x size_count */
	double *ridges, *sweep_mean, *sweep_half; /* RIDGES; nets x RIDGES */
	EntkCurve *curves[2];
} Drawing;

/* Every full decade. */
#define RIDGES ((ENTK_RIDGE_GRID + 1) / 2)

static void drawing_destroy(Drawing *drawing)
{
	free(drawing->sizes);
	free(drawing->mean);
	free(drawing->half);
	free(drawing->ridges);
	free(drawing->sweep_mean);
	free(drawing->sweep_half);
	free(drawing->curves[0]);
	free(drawing->curves[1]);
}

static EntkStatus drawing_create(const EntkCompare *compare, Drawing *drawing, EntkError *error)
{
	size_t nets = compare->net_count;
	const char *what = "the figure";
	memset(drawing, 0, sizeof *drawing);
	drawing->sizes = entk_linalg_matrix(1, compare->size_count, what, error);
	drawing->mean = entk_linalg_matrix(nets, compare->size_count, what, error);
	drawing->half = entk_linalg_matrix(nets, compare->size_count, what, error);
	drawing->ridges = entk_linalg_matrix(1, RIDGES, what, error);
	drawing->sweep_mean = entk_linalg_matrix(nets, RIDGES, what, error);
	drawing->sweep_half = entk_linalg_matrix(nets, RIDGES, what, error);
	drawing->curves[0] = entk_allocate(nets, sizeof(EntkCurve), what, error);
	drawing->curves[1] = entk_allocate(nets, sizeof(EntkCurve), what, error);
	bool good = drawing->sizes && drawing->mean && drawing->half && drawing->ridges && drawing->sweep_mean &&
		    drawing->sweep_half && drawing->curves[0] && drawing->curves[1];
	return good ? ENTK_OK : error->status;
}

static void fill_drawing(const EntkCompare *compare, Drawing *drawing, double *values)
{
	for (size_t i = 0; i < compare->size_count; i++)
		drawing->sizes[i] = (double)compare->sizes[i];
	for (size_t i = 0; i < RIDGES; i++)
		drawing->ridges[i] = entk_ridge_grid(2 * i);
	for (size_t net = 0; net < compare->net_count; net++) {
		double *mean = drawing->mean + net * compare->size_count,
		       *half = drawing->half + net * compare->size_count;
		double *sweep_mean = drawing->sweep_mean + net * RIDGES,
		       *sweep_half = drawing->sweep_half + net * RIDGES;
		for (size_t size = 0; size < compare->size_count; size++) {
			EntkSpread spread = entk_compare_scores(compare, net, size, values);
			mean[size] = spread.mean;
			half[size] = spread.half;
		}
		for (size_t i = 0; i < RIDGES; i++) {
			EntkSpread spread = entk_compare_swept(compare, net, compare->size_count - 1, 2 * i, values);
			sweep_mean[i] = spread.mean;
			sweep_half[i] = spread.half;
		}
		bool bars = compare->seeds > 1;
		drawing->curves[0][net] = (EntkCurve){compare->nets[net].name, mean, bars ? half : NULL};
		drawing->curves[1][net] = (EntkCurve){compare->nets[net].name, sweep_mean, bars ? sweep_half : NULL};
	}
}

static EntkStatus draw(const EntkCompare *compare, const Drawing *drawing, EntkError *error)
{
	char score[64], title[400], ridge_title[64];
	const char *slash = strrchr(compare->line.arguments[0], '/');
	snprintf(score, sizeof score, "test %s", entk_compare_score_name(compare));
	snprintf(ridge_title, sizeof ridge_title, "Dependence on the ridge, %zu samples",
		 compare->sizes[compare->size_count - 1]);
	snprintf(title, sizeof title, "%.120s on %.120s: %zu seeds, mean and 95 %% interval",
		 compare->line.common.program->source, slash ? slash + 1 : compare->line.arguments[0], compare->seeds);
	if (compare->seeds == 1)
		snprintf(title, sizeof title, "%.120s on %.120s", compare->line.common.program->source,
			 slash ? slash + 1 : compare->line.arguments[0]);
	const EntkPanel panels[2] = {
		{"Learning curve", "training samples", score, "%.0f", drawing->sizes, compare->size_count,
		 drawing->curves[0], compare->net_count, false, false},
		{ridge_title, "ridge / mean diagonal of the Gram", score, "%.0e", drawing->ridges, RIDGES,
		 drawing->curves[1], compare->net_count, false, false},
	};
	const EntkFigure figure = {
		.title = title, .panels = panels, .panel_count = 2, .falling = entk_compare_is_regression(compare)};
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
