/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/check/exam.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void find(struct exam *exam, enum verdict verdict, const char *subject, const char *fix,
	  const char *format, ...)
{
	struct check_report *report = exam->report;
	struct finding *more, finding = { .check = exam->check, .verdict = verdict };
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&finding.evidence, format, ap) < 0)
		finding.evidence = NULL;
	va_end(ap);
	finding.subject = strdup(subject ? subject : "");
	finding.fix = fix ? strdup(fix) : NULL;
	more = reallocarray(report->finding, report->n + 1, sizeof(*more));
	if (more)
		report->finding = more;
	if (!more || !finding.evidence || !finding.subject || (fix && !finding.fix)) {
		free(finding.evidence);
		free(finding.subject);
		free(finding.fix);
		exam->err = -ENOMEM;
		return;
	}
	more[report->n++] = finding;
	if (verdict != VERDICT_UNKNOWN && verdict > report->worst)
		report->worst = verdict;
}

const struct mana_adapter *exam_adapter(const struct exam *exam, const struct mana_port *port)
{
	return port->adapter < 0 ? NULL : &exam->machine.adapter[port->adapter];
}
