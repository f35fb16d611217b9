/* Figures of curves, drawn by gnuplot as SVG, PNG and PDF.
 *
 * gnuplot is started with an argument vector; its script goes in through its standard input and the picture comes out of
 * its standard output, so that no name of a file ever passes a shell or gnuplot's own quoting. */
#ifndef ENTK_OUTPUT_FIGURE_H
#define ENTK_OUTPUT_FIGURE_H

#include "support/status.h"

/* The canvas is white and opaque, so that figures look the same on light and dark pages. */

typedef struct EntkCurve {
	const char *name;
	const double *y;    /* one per point of the panel; NaN: left out */
	const double *half; /* half lengths of the error bars; NULL: none */
} EntkCurve;

typedef struct EntkPanel {
	const char *title, *x_label, *y_label;
	const char *x_format; /* printf format of a tic: "%.0f", "%.0e" */
	const double *x;      /* positive: the axis is logarithmic; every value gets a tic, unless there are many */
	size_t points;
	const EntkCurve *curves;
	size_t curve_count;
	bool many;          /* points: lines without markers, tics at decades */
	bool log_y;         /* values of 0 and below are left out */
	size_t first_style; /* of the first curve: a curve has the same style in every panel */
	double low, high;   /* the y axis covers these as well, if high > low */
	bool zero;          /* a line at 0 */
	const char
		*missing; /* why points are not there: they get a cross at the panel's foot; NULL: they are left out */
} EntkPanel;

typedef struct EntkFigure {
	const char *title;
	const EntkPanel *panels; /* side by side; the first one's curves are named in the legend, which stands below */
	size_t panel_count;
} EntkFigure;

/* The files' names end so. */
#define ENTK_FIGURE_ENDING "svg", "png", "pdf"

/* Write PREFIX.svg, PREFIX.png and PREFIX.pdf. ENTK_SYSTEM with the package's name in `fix` where gnuplot is not installed. */
EntkStatus entk_figure_write(const EntkFigure *figure, const char *prefix, EntkError *error);

#endif
