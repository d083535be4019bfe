/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The plot of "bench", written row by row on scales of powers of ten: a bar for the rate, and
 * a line for the times from the first percentile to the last.
 */
#include <config.h>

#include <inttypes.h>

#include "bench_svg.h"
#include "xml.h"

#define WIDTH 960
#define ROW_HEIGHT 20u
#define TOP 40u
/* Left ends of the panels, and the width of a power of ten in them. */
#define RATES_AT 300.0
#define RATE_DECADE 40.0	/* 1 to 10^7 per second */
#define TIMES_AT 620.0
#define TIME_DECADE 40.0	/* 100 ns to 1 s, and beyond the edge */
#define RATE_DECADES 7
#define TIME_DECADES 7

static const char *const colours[BENCH_SERIES] = { "#888888", "#1f77b4", "#ff7f0e" };

/* Decimal logarithm by linear steps within a power of ten; 0 below 1. */
static double decades(double value)
{
	double n = 0;

	for (; value >= 10; value /= 10)
		n++;
	return value > 1 ? n + (value - 1) / 9 : n;
}

static double time_x(uint64_t ns)
{
	return TIMES_AT + TIME_DECADE * decades((double)ns / 100);
}

static void scale(FILE *to, double at, double decade, int n, unsigned int height)
{
	int i;

	for (i = 0; i <= n; i++)
		fprintf(to, "<path d=\"M%.0f %u V%u\" stroke=\"#dddddd\"/>\n",
			at + i * decade, TOP, height);
}

void bench_svg_begin(FILE *to, unsigned int rows)
{
	const unsigned int height = TOP + rows * ROW_HEIGHT;

	fprintf(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" font-family=\"sans-serif\" font-size=\"11\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%.0f\" y=\"16\">requests per second, 1 to 10M</text>\n"
		"<text x=\"%.0f\" y=\"16\">times, 100 ns to 1 s: 50, 90, 99, 99.9 percent</text>\n",
		WIDTH, height + ROW_HEIGHT, RATES_AT, TIMES_AT);
	scale(to, RATES_AT, RATE_DECADE, RATE_DECADES, height);
	scale(to, TIMES_AT, TIME_DECADE, TIME_DECADES, height);
}

void bench_svg_row(FILE *to, unsigned int index, const char *label, unsigned int series,
		   const struct bench_stats *s)
{
	const unsigned int y = TOP + index * ROW_HEIGHT;
	const double rate = bench_stats_rate(s);
	unsigned int i;

	fprintf(to, "<text x=\"4\" y=\"%u\">", y + 14);
	xml_text(to, label);
	fprintf(to, "</text>\n<rect x=\"%.0f\" y=\"%u\" width=\"%.1f\" height=\"12\" fill=\"%s\"/>\n"
		"<text x=\"%.0f\" y=\"%u\">%.0f</text>\n",
		RATES_AT, y + 4, RATE_DECADE * decades(rate), colours[series],
		RATES_AT + 4, y + 14, rate);
	fprintf(to, "<path d=\"M%.1f %u H%.1f\" stroke=\"%s\"/>\n",
		time_x(bench_stats_percentile(s, bench_percentiles[0].share)), y + 10,
		time_x(bench_stats_percentile(s, bench_percentiles[BENCH_PERCENTILES - 1].share)),
		colours[series]);
	for (i = 0; i < BENCH_PERCENTILES; i++)
		fprintf(to, "<circle cx=\"%.1f\" cy=\"%u\" r=\"3\" fill=\"%s\"/>\n",
			time_x(bench_stats_percentile(s, bench_percentiles[i].share)), y + 10,
			colours[series]);
}

void bench_svg_end(FILE *to)
{
	fputs("</svg>\n", to);
}
