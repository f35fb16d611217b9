/* What both halves of `spectrum` ask before they show something: see spectrum.h. */
#include "spectrum/spectrum.h"

#include "cli/warn.h"

#include <string.h>

bool entk_spectrum_silent(const EntkSpectrumCommand *command)
{
	return command->json_path && strcmp(command->json_path, "-") == 0;
}

void entk_spectrum_draw(const EntkSpectrumCommand *command, const EntkFigure *figure)
{
	EntkError error;
	if (command->figure && entk_figure_write(figure, command->figure, &error) != ENTK_OK)
		entk_warn_error(command->line.program_name, &error);
}
