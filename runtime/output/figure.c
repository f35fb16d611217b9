/* Figures through gnuplot: see figure.h. */
#include "output/figure.h"

#include "output/child.h"
#include "output/target.h"
#include "output/text.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* In pixels of the SVG. The letters are large for the panels, as figures are often printed at half of this width. */
#define PANEL_WIDTH 430
#define HEIGHT      350
#define TITLE       58 /* of the panels */
#define TITLE_LINE  20 /* of the figure's title */
#define FOOT        60 /* tics and name of the x axis */
#define LEFT        88 /* tics and name of the y axis */
#define RIGHT       14
#define LEGEND_ROW  20
#define FONT        13
/* The PNG has twice the resolution. */
#define PNG_SCALE   2

/* Okabe and Ito's colours, told apart by every kind of colour vision, in an order in which neighbours differ in lightness: in grey
 * too. Markers (full and empty in turn) and dashes differ as well. */
static const struct {
	const char *color;
	int marker, dash;
} styles[] = {
	{"#0072B2", 7, 1},  {"#E69F00", 4, 2}, {"#000000", 9, 4}, {"#D55E00", 12, 5},
	{"#56B4E9", 11, 3}, {"#009E73", 6, 1}, {"#CC79A7", 5, 2},
};

#define STYLE_COUNT (sizeof styles / sizeof styles[0])

typedef enum Format { SVG, PNG, PDF } Format;

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

/* How many letters of the figure's title fit on a line. */
static size_t title_width(const EntkFigure *figure)
{
	return PANEL_WIDTH * figure->panel_count / 8;
}

/* Where the title's line that starts at `line` ends: at the last space within its width. */
static size_t line_length(const EntkFigure *figure, const char *line)
{
	size_t length = strlen(line), width = title_width(figure);
	if (length <= width)
		return length;
	for (size_t i = width; i > 0; i--)
		if (line[i] == ' ')
			return i;
	return length;
}

static int title_lines(const EntkFigure *figure)
{
	int lines = 1;
	for (const char *at = figure->title; at[line_length(figure, at)]; lines++)
		at += line_length(figure, at) + 1;
	return lines;
}

/* Single quotes know no line break: the lines are put together by gnuplot. */
static void add_title(EntkText *script, const EntkFigure *figure)
{
	char line[512];
	for (const char *at = figure->title;; at++) {
		size_t length = line_length(figure, at);
		snprintf(line, sizeof line, "%.*s", (int)(length < 511 ? length : 511), at);
		add_string(script, line);
		at += length;
		if (!*at)
			return;
		entk_text_add(script, ".\"\\n\".");
	}
}

static bool is_drawn(const EntkPanel *panel, double y)
{
	return isfinite(y) && (!panel->log_y || y > 0);
}

/* Height of a row of crosses, as a share of the panel's. */
#define MARK 0.04

/* Does a curve lack points that the panel marks? */
static bool is_marked(const EntkPanel *panel, size_t c)
{
	for (size_t i = 0; panel->missing && i < panel->points; i++)
		if (!is_drawn(panel, panel->curves[c].y[i]))
			return true;
	return false;
}

static bool has_marks(const EntkPanel *panel)
{
	for (size_t c = 0; c < panel->curve_count; c++)
		if (is_marked(panel, c))
			return true;
	return false;
}

/* The smallest and largest value that is drawn, error bars included. */
static void range_of(const EntkPanel *panel, double *low, double *high)
{
	*low = panel->high > panel->low ? panel->low : INFINITY;
	*high = panel->high > panel->low ? panel->high : -INFINITY;
	for (size_t c = 0; c < panel->curve_count; c++)
		for (size_t i = 0; i < panel->points; i++) {
			double y = panel->curves[c].y[i], half = panel->curves[c].half ? panel->curves[c].half[i] : 0;
			if (!is_drawn(panel, y))
				continue;
			half = isfinite(half) && !panel->log_y ? half : 0;
			*low = fmin(*low, y - half);
			*high = fmax(*high, y + half);
		}
	if (panel->zero) {
		*low = fmin(*low, 0);
		*high = fmax(*high, 0);
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
	double margin = *high > *low ? 0.04 * (*high - *low) : 0.1 * fabs(*high) + 0.01;
	*low -= margin;
	*high += margin;
	/* Crosses stand below everything that is a value. */
	double share = has_marks(panel) ? fmin(MARK * (double)panel->curve_count, 0.5) : 0;
	*low -= share / (1 - share) * (*high - *low);
}

/* Curves stand a little beside each other, so that markers and error bars of curves that nearly coincide do not hide one another. */
static double shifted(const EntkPanel *panel, size_t curve, size_t i)
{
	double least = panel->x[0], most = panel->x[0];
	for (size_t k = 1; k < panel->points; k++) {
		least = fmin(least, panel->x[k]);
		most = fmax(most, panel->x[k]);
	}
	/* All curves together take at most 3/10 of the way to the next point. */
	double points = (double)(panel->points > 1 ? panel->points : 2), count = (double)panel->curve_count;
	double share = fmin(0.02, 0.3 / (points - 1) / count);
	double step = share * log(most > least ? most / least : 4) * ((double)curve - 0.5 * (count - 1));
	return panel->x[i] * exp(step);
}

/* Crosses of the curves stand one above the other. */
static void add_marks(EntkText *script, const EntkPanel *panel, size_t number, size_t c)
{
	double low, high;
	range_of(panel, &low, &high);
	entk_text_add(script, "$m%zu_%zu << END\n", number, c);
	for (size_t i = 0; i < panel->points; i++) {
		double share = fmin(MARK * ((double)c + 0.5), 0.5);
		if (!is_drawn(panel, panel->curves[c].y[i]))
			entk_text_add(script, "%.9g %.9g\n", shifted(panel, c, i),
				      panel->log_y ? low * pow(high / low, share) : low + share * (high - low));
	}
	entk_text_add(script, "END\n");
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
		if (is_marked(panel, c))
			add_marks(script, panel, number, c);
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

/* Tics at the decades of a logarithmic axis, at most 7 of them, all written alike: 0.1, 1, 10, or 1e-8, 1e0, 1e8. */
static void add_decades(EntkText *script, char axis, double low, double high)
{
	int first = (int)ceil(log10(low) - 1e-9), last = (int)floor(log10(high) + 1e-9);
	int step = 1 + (last - first) / 7, count = 0;
	bool plain = first >= -2 && last <= 4;
	entk_text_add(script, "set %ctics (", axis);
	for (int e = first; e <= last; e += step) {
		if (plain)
			entk_text_add(script, "%s'%g' 1e%d", count++ ? ", " : "", pow(10, e), e);
		else
			entk_text_add(script, "%s'1e%d' 1e%d", count++ ? ", " : "", e, e);
	}
	/* Within one decade gnuplot finds better ones. */
	entk_text_add(script, ")\n");
	if (count < 2)
		entk_text_add(script, "set %ctics autofreq\nset format %c '%%g'\n", axis, axis);
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
		      "\nunset logscale y\nset format y '%%g'\nset ytics autofreq\nset logscale x\n"
		      "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n",
		      first / margin, last * margin, low, high);
	if (panel->log_y) {
		entk_text_add(script, "set logscale y\n");
		add_decades(script, 'y', low, high);
	}
	entk_text_add(script, "unset arrow\n");
	if (panel->zero)
		entk_text_add(script,
			      "set arrow from graph 0, first 0 to graph 1, first 0 nohead lc rgb '#444444' lw 1\n");
	if (panel->many) {
		add_decades(script, 'x', first / margin, last * margin);
		return;
	}
	entk_text_add(script, "set xtics (");
	for (size_t i = 0; i < panel->points; i++) {
		char label[64];
		snprintf(label, sizeof label, panel->x_format, panel->x[i]);
		shorten(label);
		/* Of many tics every second one is written: they would run into each other. */
		entk_text_add(script, "%s'%s' %.9g", i ? ", " : "", panel->points > 8 && i % 2 ? "" : label,
			      panel->x[i]);
	}
	entk_text_add(script, ")\n");
}

/* "lc rgb '#0072B2' lw 2 dt 1 pt 7 ps 1" */
static void add_style(EntkText *script, const EntkPanel *panel, size_t c)
{
	size_t s = (panel->first_style + c) % STYLE_COUNT;
	entk_text_add(script, "with %s lc rgb '%s' lw 2 dt %d ", panel->many ? "lines" : "linespoints", styles[s].color,
		      styles[s].dash);
	if (!panel->many)
		entk_text_add(script, "pt %d ps 1 ", styles[s].marker);
}

/* Curves with markers and dashes, and their error bars, which are never dashed. */
static void add_plot(EntkText *script, const EntkPanel *panel, size_t number)
{
	entk_text_add(script, "plot ");
	for (size_t c = 0; c < panel->curve_count; c++) {
		size_t s = (panel->first_style + c) % STYLE_COUNT;
		if (panel->curves[c].half)
			entk_text_add(
				script,
				"%s$d%zu_%zu using 1:2:3 with yerrorbars lc rgb '%s' lw 1.5 dt 1 pt %d ps 0.1 notitle",
				c ? ", " : "", number, c, styles[s].color, styles[s].marker);
		entk_text_add(script, "%s$d%zu_%zu using 1:2 ", c || panel->curves[c].half ? ", " : "", number, c);
		add_style(script, panel, c);
		entk_text_add(script, "notitle");
		if (is_marked(panel, c))
			entk_text_add(script, ", $m%zu_%zu with points lc rgb '%s' lw 2 pt 2 ps 1 notitle", number, c,
				      styles[s].color);
	}
	entk_text_add(script, "\n");
}

/* ---- legend -------------------------------------------------------------------------------------------------------- */

static int figure_width(const EntkFigure *figure)
{
	return PANEL_WIDTH * (int)figure->panel_count;
}

/* Why points are missing, if any panel marks some. */
static const char *missing_reason(const EntkFigure *figure)
{
	for (size_t p = 0; p < figure->panel_count; p++)
		if (has_marks(&figure->panels[p]))
			return figure->panels[p].missing;
	return NULL;
}

static int legend_columns(const EntkFigure *figure)
{
	const char *reason = missing_reason(figure);
	size_t longest = reason ? strlen(reason) : 1;
	for (size_t c = 0; c < figure->panels[0].curve_count; c++)
		if (strlen(figure->panels[0].curves[c].name) > longest)
			longest = strlen(figure->panels[0].curves[c].name);
	/* Letters of FONT are about 8 wide; the sample of a line and the space around it take 80. */
	int columns = figure_width(figure) / (80 + 8 * (int)(longest < 200 ? longest : 200));
	return columns > 0 ? columns : 1;
}

static int legend_height(const EntkFigure *figure)
{
	int entries = (int)figure->panels[0].curve_count + (missing_reason(figure) != NULL);
	return 8 + LEGEND_ROW * ((entries + legend_columns(figure) - 1) / legend_columns(figure));
}

/* One for all panels: an empty plot below them, whose curves lie outside of what it shows. */
static void add_legend(EntkText *script, const EntkFigure *figure, double height)
{
	const EntkPanel *panel = &figure->panels[0];
	const char *reason = missing_reason(figure);
	double top = legend_height(figure) / height;
	entk_text_add(
		script,
		"set margins at screen 0.02, at screen 0.98, at screen 0, at screen %.6g\nunset title\nunset xlabel\n"
		"unset ylabel\nunset tics\nunset grid\nunset border\nunset arrow\nunset logscale\n"
		"set xrange [0:1]\nset yrange [0:1]\n"
		"set key at graph 0.5, graph 0.5 center center horizontal Left reverse maxcols %d width 1 samplen "
		"3.5\nplot ",
		top, legend_columns(figure));
	for (size_t c = 0; c < panel->curve_count; c++) {
		entk_text_add(script, "%s2 ", c ? ", " : "");
		add_style(script, panel, c);
		entk_text_add(script, "title ");
		add_string(script, panel->curves[c].name);
	}
	if (reason) {
		entk_text_add(script, ", 2 with points lc rgb '#444444' lw 2 pt 2 ps 1 title ");
		add_string(script, reason);
	}
	entk_text_add(script, "\n");
}

static void add_script(EntkText *script, const EntkFigure *figure, Format format)
{
	int width = figure_width(figure), top = TITLE + TITLE_LINE * title_lines(figure),
	    height = HEIGHT + TITLE_LINE * title_lines(figure) + legend_height(figure);
	if (format == PNG)
		entk_text_add(script,
			      "set terminal pngcairo noenhanced size %d,%d fontscale %d linewidth %d pointscale %d "
			      "background rgb 'white' font 'DejaVu Sans,%g'\n",
			      PNG_SCALE * width, PNG_SCALE * height, PNG_SCALE, PNG_SCALE, PNG_SCALE, 0.92 * FONT);
	else if (format == PDF) /* 96 pixels are an inch, of 72 points */
		entk_text_add(script,
			      "set terminal pdfcairo noenhanced size %.4gin,%.4gin linewidth 0.75 pointscale 0.5 "
			      "background rgb 'white' font 'DejaVu Sans,%g'\n",
			      width / 96.0, height / 96.0, 0.72 * FONT);
	else
		entk_text_add(script,
			      "set terminal svg noenhanced size %d,%d background rgb 'white' font 'DejaVu Sans,%d'\n",
			      width, height, FONT);
	for (size_t p = 0; p < figure->panel_count; p++)
		add_data(script, &figure->panels[p], p);
	entk_text_add(script, "set bars 0.7\nset grid ytics lt 1 lw 1 lc rgb '#D8D8D8'\nset border 3 lc rgb '#444444'\n"
			      "set tics nomirror\nunset mxtics\nunset mytics\nunset key\nset multiplot title ");
	add_title(script, figure);
	entk_text_add(script, "\n");
	for (size_t p = 0; p < figure->panel_count; p++) {
		double left = PANEL_WIDTH * (double)p;
		entk_text_add(script, "set margins at screen %.6g, at screen %.6g, at screen %.6g, at screen %.6g\n",
			      (left + LEFT) / width, (left + PANEL_WIDTH - RIGHT) / width,
			      (double)(legend_height(figure) + FOOT) / height, 1 - (double)top / height);
		add_axes(script, &figure->panels[p]);
		add_plot(script, &figure->panels[p], p);
	}
	add_legend(script, figure, height);
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

/* gnuplot's SVG is called "Gnuplot"; readers and search engines show that name. */
static EntkStatus set_title(const char *title, char **picture, size_t *size, EntkError *error)
{
	static const char old[] = "<title>Gnuplot</title>";
	const char *at = strstr(*picture, old);
	EntkText text = {0};
	if (!at)
		return ENTK_OK;
	entk_text_add(&text, "%.*s<title>", (int)(at - *picture), *picture);
	for (const char *c = title; *c; c++)
		switch (*c) {
		case '<':
			entk_text_add(&text, "&lt;");
			break;
		case '>':
			entk_text_add(&text, "&gt;");
			break;
		case '&':
			entk_text_add(&text, "&amp;");
			break;
		default:
			entk_text_add(&text, "%c", (unsigned char)*c < 32 ? ' ' : *c);
		}
	entk_text_add(&text, "</title>%s", at + sizeof old - 1);
	if (text.failed) {
		entk_text_destroy(&text);
		return entk_fail_memory(error, "a figure", *size);
	}
	free(*picture);
	*picture = text.bytes;
	*size = text.size;
	return ENTK_OK;
}

static EntkStatus write_one(const EntkFigure *figure, const char *prefix, Format format, EntkError *error)
{
	static const char *const endings[] = {ENTK_FIGURE_ENDING};
	EntkText script = {0}, path = {0};
	char *picture = NULL;
	size_t size = 0;
	add_script(&script, figure, format);
	entk_text_add(&path, "%s.%s", prefix, endings[format]);
	EntkStatus status = script.failed || path.failed ? entk_fail_memory(error, "a figure", script.size) : ENTK_OK;
	if (status == ENTK_OK)
		status = draw(&script, &picture, &size, error);
	if (status == ENTK_OK && format == SVG)
		status = set_title(figure->title, &picture, &size, error);
	if (status == ENTK_OK)
		status = entk_write_text(path.bytes, picture, size, error);
	free(picture);
	entk_text_destroy(&script);
	entk_text_destroy(&path);
	return status;
}

EntkStatus entk_figure_write(const EntkFigure *figure, const char *prefix, EntkError *error)
{
	EntkStatus status = write_one(figure, prefix, SVG, error);
	if (status == ENTK_OK)
		status = write_one(figure, prefix, PNG, error);
	return status == ENTK_OK ? write_one(figure, prefix, PDF, error) : status;
}
