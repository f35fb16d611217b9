/* Figures through gnuplot: see figure.h. */
#include "figure.h"

#include "child.h"
#include "commands.h"
#include "npz.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PANEL_WIDTH 560
#define HEIGHT      420
/* The PNG has twice the resolution. */
#define PNG_SCALE   2

/* Okabe and Ito's colours: told apart by every kind of colour vision. Markers and dashes differ too. */
static const struct {
	const char *color;
	int marker, dash;
} styles[] = {
	{"#0072B2", 7, 1},  {"#D55E00", 5, 2}, {"#009E73", 9, 4}, {"#CC79A7", 13, 5},
	{"#E69F00", 11, 3}, {"#56B4E9", 6, 1}, {"#000000", 4, 2},
};

#define STYLE_COUNT (sizeof styles / sizeof styles[0])

/* ---- the script ---------------------------------------------------------------------------------------------------- */

/* A string in gnuplot's single quotes, where only the quote itself is special. */
static void add_string(EntkText *script, const char *string)
{
	entk_text_add(script, "'");
	for (const char *c = string; *c; c++) {
		if (*c == '\'')
			entk_text_add(script, "''");
		else
			entk_text_add(script, "%c", (unsigned char)*c < 32 ? ' ' : *c);
	}
	entk_text_add(script, "'");
}

static bool is_drawn(const EntkPanel *panel, double y)
{
	return isfinite(y) && (!panel->log_y || y > 0);
}

/* The smallest and largest value that is drawn, error bars included. */
static void range_of(const EntkPanel *panel, double *low, double *high)
{
	*low = INFINITY;
	*high = -INFINITY;
	for (size_t c = 0; c < panel->curve_count; c++)
		for (size_t i = 0; i < panel->points; i++) {
			double y = panel->curves[c].y[i], half = panel->curves[c].half ? panel->curves[c].half[i] : 0;
			if (!is_drawn(panel, y))
				continue;
			half = isfinite(half) && !panel->log_y ? half : 0;
			*low = fmin(*low, y - half);
			*high = fmax(*high, y + half);
		}
	if (!(*low <= *high)) {
		*low = panel->log_y ? 0.1 : 0;
		*high = 1;
	}
	if (panel->log_y) {
		double factor = *high > *low ? pow(*high / *low, 0.06) : 2;
		*low /= factor;
		*high *= factor;
		return;
	}
	double margin = *high > *low ? 0.06 * (*high - *low) : 0.1 * fabs(*high) + 0.01;
	*low -= margin;
	*high += margin;
}

/* Curves stand a little beside each other, so that error bars at the same place do not hide one another. */
static double shifted(const EntkPanel *panel, size_t curve, size_t i)
{
	double least = panel->x[0], most = panel->x[0];
	for (size_t k = 1; k < panel->points; k++) {
		least = fmin(least, panel->x[k]);
		most = fmax(most, panel->x[k]);
	}
	double step = 0.006 * log(most / least) * ((double)curve - 0.5 * (double)(panel->curve_count - 1));
	return panel->x[i] * exp(step);
}

static void add_data(EntkText *script, const EntkPanel *panel, size_t number)
{
	for (size_t c = 0; c < panel->curve_count; c++) {
		entk_text_add(script, "$d%zu_%zu << END\n", number, c);
		for (size_t i = 0; i < panel->points; i++) {
			double y = panel->curves[c].y[i], half = panel->curves[c].half ? panel->curves[c].half[i] : 0;
			if (is_drawn(panel, y))
				entk_text_add(script, "%.9g %.9g %.9g\n",
					      panel->many ? panel->x[i] : shifted(panel, c, i), y,
					      isfinite(half) ? half : 0);
		}
		entk_text_add(script, "END\n");
	}
}

/* "1e-08" becomes "1e-8", "1e+00" becomes "1e0". */
static void shorten(char *label)
{
	char *e = strchr(label, 'e');
	if (!e)
		return;
	char *from = e + 1, *to = e + 1;
	if (*from == '-')
		*to++ = *from;
	from += *from == '-' || *from == '+';
	while (*from == '0' && from[1])
		from++;
	memmove(to, from, strlen(from) + 1);
}

static void add_axes(EntkText *script, const EntkPanel *panel)
{
	double low, high;
	range_of(panel, &low, &high);
	entk_text_add(script, "set title ");
	add_string(script, panel->title);
	entk_text_add(script, "\nset xlabel ");
	add_string(script, panel->x_label);
	entk_text_add(script, "\nset ylabel ");
	add_string(script, panel->y_label);
	double first = panel->x[0], last = panel->x[panel->points - 1],
	       margin = last > first ? pow(last / first, 0.07) : 2;
	entk_text_add(script,
		      "\nunset logscale y\nset format y '%s'\nset logscale x\nset xrange [%.9g:%.9g]\nset yrange "
		      "[%.9g:%.9g]\n",
		      panel->log_y ? "%.0e" : "%g", first / margin, last * margin, low, high);
	if (panel->log_y)
		entk_text_add(script, "set logscale y\n");
	if (panel->many) {
		entk_text_add(script, "set xtics autofreq\nset format x '%s'\n", last < 1e5 ? "%g" : "%.0e");
		return;
	}
	entk_text_add(script, "set xtics (");
	for (size_t i = 0; i < panel->points; i++) {
		char label[64];
		snprintf(label, sizeof label, panel->x_format, panel->x[i]);
		shorten(label);
		entk_text_add(script, "%s'%s' %.9g", i ? ", " : "", label, panel->x[i]);
	}
	entk_text_add(script, ")\n");
}

/* Curves with markers and dashes, and their error bars, which are never dashed. */
static void add_plot(EntkText *script, const EntkPanel *panel, size_t number)
{
	entk_text_add(script, "plot ");
	for (size_t c = 0; c < panel->curve_count; c++) {
		size_t s = c % STYLE_COUNT;
		if (panel->curves[c].half)
			entk_text_add(
				script,
				"%s$d%zu_%zu using 1:2:3 with yerrorbars lc rgb '%s' lw 1.5 dt 1 pt %d ps 0.1 notitle",
				c ? ", " : "", number, c, styles[s].color, styles[s].marker);
		entk_text_add(script, "%s$d%zu_%zu using 1:2 with %s lc rgb '%s' lw 2 dt %d ",
			      c || panel->curves[c].half ? ", " : "", number, c, panel->many ? "lines" : "linespoints",
			      styles[s].color, styles[s].dash);
		if (!panel->many)
			entk_text_add(script, "pt %d ps 1 ", styles[s].marker);
		entk_text_add(script, "title ");
		add_string(script, panel->curves[c].name);
	}
	entk_text_add(script, "\n");
}

static void add_script(EntkText *script, const EntkFigure *figure, bool png)
{
	int width = PANEL_WIDTH * (int)figure->panel_count;
	if (png)
		entk_text_add(script,
			      "set terminal pngcairo noenhanced size %d,%d fontscale %d linewidth %d pointscale %d "
			      "background rgb 'white' "
			      "font 'DejaVu Sans,11'\n",
			      PNG_SCALE * width, PNG_SCALE * HEIGHT, PNG_SCALE, PNG_SCALE, PNG_SCALE);
	else
		entk_text_add(script,
			      "set terminal svg noenhanced size %d,%d background rgb 'white' font 'DejaVu Sans,12'\n",
			      width, HEIGHT);
	for (size_t p = 0; p < figure->panel_count; p++)
		add_data(script, &figure->panels[p], p);
	entk_text_add(script,
		      "set bars 0.7\nset grid ytics lt 1 lw 1 lc rgb '#D8D8D8'\nset border 3 lc rgb '#444444'\nset "
		      "tics nomirror\n"
		      "set key %s right box lc rgb '#CCCCCC' opaque width 1\nset multiplot layout 1,%zu title ",
		      figure->falling ? "top" : "bottom", figure->panel_count);
	add_string(script, figure->title);
	entk_text_add(script, "\n");
	for (size_t p = 0; p < figure->panel_count; p++) {
		add_axes(script, &figure->panels[p]);
		add_plot(script, &figure->panels[p], p);
		entk_text_add(script, "unset key\n"); /* one legend is enough */
	}
	entk_text_add(script, "unset multiplot\n");
}

/* ---- gnuplot ------------------------------------------------------------------------------------------------------- */

static EntkStatus temporary_failure(EntkError *error)
{
	return entk_fail(error, ENTK_SYSTEM, NULL, "cannot make a temporary file for gnuplot: %s", strerror(errno));
}

/* Our environment without what gnuplot would take from it: option -d is for the files of settings only, and a terminal that is named in
 * GNUTERM but not built into this gnuplot ends it before the script is read. The caller frees the list, not the strings. */
static char **own_environment(void)
{
	static const char *const settings[] = {"GNUTERM=", "GNUPLOT_", "GNUHELP=", "FIT_", "PAGER="};
	size_t count = 0, kept = 0;
	while (environ[count])
		count++;
	char **environment = malloc((count + 1) * sizeof *environment);
	for (size_t i = 0; environment && i < count; i++) {
		bool setting = false;
		for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
			setting |= strncmp(environ[i], settings[k], strlen(settings[k])) == 0;
		if (!setting)
			environment[kept++] = environ[i];
	}
	if (environment)
		environment[kept] = NULL;
	return environment;
}

/* Start gnuplot on the three files and wait for its end; *code is its exit status. */
static EntkStatus run_gnuplot(FILE *in, FILE *out, FILE *err, int *code, EntkError *error)
{
	char *argv[] = {"gnuplot", "-d", NULL}; /* -d: without the user's own settings */
	posix_spawn_file_actions_t actions;
	pid_t child;
	int status = 0;
	if (posix_spawn_file_actions_init(&actions) != 0)
		return entk_fail_memory(error, "starting gnuplot", 0);
	posix_spawn_file_actions_adddup2(&actions, fileno(in), STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fileno(err), STDERR_FILENO);
	char **environment = own_environment();
	int failure = environment ? posix_spawnp(&child, argv[0], &actions, NULL, argv, environment) : ENOMEM;
	free(environment);
	posix_spawn_file_actions_destroy(&actions);
	if (failure == ENOENT) {
		entk_fail(error, ENTK_SYSTEM, NULL, "figures need gnuplot, which is not installed");
		return entk_fix(error, "install the Debian package gnuplot-nox (apt-get install gnuplot-nox)");
	}
	if (failure != 0)
		return entk_fail(error, ENTK_SYSTEM, NULL, "cannot start gnuplot: %s", strerror(failure));
	if (entk_child_wait(child, argv[0], &status, NULL, error) != ENTK_OK)
		return error->status;
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	return ENTK_OK;
}

/* A temporary file's contents; the caller frees them. */
static EntkStatus read_back(FILE *file, char **bytes, size_t *size, EntkError *error)
{
	long end;
	if (fseek(file, 0, SEEK_END) != 0 || (end = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0)
		return temporary_failure(error);
	*size = (size_t)end;
	*bytes = entk_allocate(*size + 1, 1, "a figure", error);
	if (!*bytes)
		return error->status;
	return fread(*bytes, 1, *size, file) == *size ? ENTK_OK : temporary_failure(error);
}

static EntkStatus gnuplot_failed(FILE *err, int code, EntkError *error)
{
	char *text = NULL;
	size_t size;
	EntkStatus status = read_back(err, &text, &size, error);
	/* Above what is wrong stands an echo of the script. */
	char *reason = text ? text : (char[]){""};
	for (char *line = reason; (line = strstr(line, "line ")) != NULL; line++)
		if (line == text || line[-1] == '\n' || line[-1] == ' ')
			reason = line;
	for (char *c = reason; *c; c++)
		if (*c == '\n')
			*c = ' ';
	if (status == ENTK_OK)
		status = entk_fail(error, ENTK_SYSTEM, NULL, "gnuplot failed with status %d: %.300s", code, reason);
	free(text);
	return status;
}

/* The picture that the script draws. */
static EntkStatus draw(const EntkText *script, char **picture, size_t *size, EntkError *error)
{
	FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
	EntkStatus status = in && out && err ? ENTK_OK : temporary_failure(error);
	int code = 0;
	if (status == ENTK_OK && (fwrite(script->bytes, 1, script->size, in) != script->size || fflush(in) != 0 ||
				  lseek(fileno(in), 0, SEEK_SET) != 0))
		status = temporary_failure(error);
	if (status == ENTK_OK)
		status = run_gnuplot(in, out, err, &code, error);
	if (status == ENTK_OK && code != 0)
		status = gnuplot_failed(err, code, error);
	if (status == ENTK_OK)
		status = read_back(out, picture, size, error);
	if (status == ENTK_OK && *size == 0)
		status = gnuplot_failed(err, code, error);
	if (in)
		fclose(in);
	if (out)
		fclose(out);
	if (err)
		fclose(err);
	return status;
}

static EntkStatus write_one(const EntkFigure *figure, const char *prefix, bool png, EntkError *error)
{
	EntkText script = {0}, path = {0};
	char *picture = NULL;
	size_t size = 0;
	add_script(&script, figure, png);
	entk_text_add(&path, "%s.%s", prefix, png ? "png" : "svg");
	EntkStatus status = script.failed || path.failed ? entk_fail_memory(error, "a figure", script.size) : ENTK_OK;
	if (status == ENTK_OK)
		status = draw(&script, &picture, &size, error);
	if (status == ENTK_OK)
		status = entk_write_text(path.bytes, picture, size, error);
	free(picture);
	entk_text_destroy(&script);
	entk_text_destroy(&path);
	return status;
}

EntkStatus entk_figure_write(const EntkFigure *figure, const char *prefix, EntkError *error)
{
	EntkStatus status = write_one(figure, prefix, false, error);
	return status == ENTK_OK ? write_one(figure, prefix, true, error) : status;
}
