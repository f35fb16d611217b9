/* The `spectrum` command: what it is asked for, and its two halves: Gram matrices of data, and the sphere. */
#ifndef ENTK_SPECTRUM_H
#define ENTK_SPECTRUM_H

#include "learn/line.h"
#include "output/figure.h"
#include "output/json.h"

#define ENTK_SPECTRUM_SIZES 64

typedef struct EntkSpectrumCommand {
	EntkLearnLine line;
	const char *json_path, *figure;
	size_t limit;         /* --train: at most so many samples; 0: all */
	bool raw;             /* real targets as they stand in the file */
	bool sphere;          /* no data: the sphere of the nets' vectors */
	size_t degrees;       /* --degrees */
	size_t target_degree; /* --target */
	double noise;
	size_t sizes[ENTK_SPECTRUM_SIZES], size_count;
	EntkJson json;
} EntkSpectrumCommand;

/* Print (unless JSON goes to stdout), add to command->json, draw. */
EntkStatus entk_spectrum_of_data(EntkSpectrumCommand *command, EntkError *error);
EntkStatus entk_spectrum_of_sphere(EntkSpectrumCommand *command, EntkError *error);

/* Is the text wanted, or does JSON go to stdout? */
bool entk_spectrum_silent(const EntkSpectrumCommand *command);
/* The figure; that it cannot be drawn is a warning. */
void entk_spectrum_draw(const EntkSpectrumCommand *command, const EntkFigure *figure);

#endif
