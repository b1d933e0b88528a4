/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/check/exam.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * fix_of() - a fix as it is reported; NULL: no memory
 *
 * In a container there is no sudo, and what it would be for is not the container's.
 */
static char *fix_of(const struct exam *exam, const char *fix)
{
	if (exam->container.kind == CONTAINER_NONE || !strstr(fix, "sudo "))
		return strdup(fix);
	return container_command(exam->image ? "in the image" : "on the host", fix);
}

void find(struct exam *exam, enum verdict verdict, const char *subject, const char *fix,
	  const char *format, ...)
{
	struct check_report *report = exam->report;
	struct finding *more, finding = {
		.check = exam->check,
		.rdma = exam->rdma,
		.verdict = verdict,
	};
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&finding.evidence, format, ap) < 0)
		finding.evidence = NULL;
	va_end(ap);
	finding.subject = strdup(subject ? subject : "");
	finding.fix = fix ? fix_of(exam, fix) : NULL;
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
	if (verdict >= VERDICT_WARNING && verdict > report->worst)
		report->worst = verdict;
}

void exam_module(const struct exam *exam, const char *module, char fix[256], char words[EXAM_WORDS])
{
	const struct distro *distro = &exam->kernel_distro;
	const char *name = *distro->name ? distro->name : "this distribution";
	struct packages_answer answer;

	*fix = *words = '\0';
	if (!exam->packages)
		return;
	packages_module(exam->packages, distro, exam->release, module, &answer);
	strcpy(fix, answer.install);
	if (answer.state == PACKAGES_HAS)
		snprintf(words, EXAM_WORDS,
			 "; the package of this kernel has it, so it was removed");
	else if (answer.state == PACKAGES_EXTRA)
		snprintf(words, EXAM_WORDS, "; %s has it in another package", name);
	else if (*answer.install && answer.state == PACKAGES_LACKS)
		snprintf(words, EXAM_WORDS, "; another kernel of %s has it", name);
	else if (*answer.install)
		snprintf(words, EXAM_WORDS, "; a kernel of %s that has it can be installed", name);
	else if (*answer.others)
		snprintf(words, EXAM_WORDS, "; %s kernel of %s %s; kernels that have it: %s",
			 answer.state == PACKAGES_LACKS ? "no" : "which", name,
			 answer.state == PACKAGES_LACKS ? "has it" : "has it is not known",
			 answer.others);
}

bool exam_upgraded(const struct exam *exam)
{
	struct names kernels;
	bool others;

	host_list(exam->host, &kernels, "/lib/modules");
	others = kernels.n > 0;
	names_free(&kernels);
	return others;
}

const struct mana_adapter *exam_driverless(const struct exam *exam)
{
	for (size_t i = 0; i < exam->machine.n_adapters; i++)
		if (exam->machine.adapter[i].kind != ADAPTER_SOFTWARE &&
		    !*exam->machine.adapter[i].driver)
			return &exam->machine.adapter[i];
	return NULL;
}

const struct mana_adapter *exam_adapter(const struct exam *exam, const struct mana_port *port)
{
	return port->adapter < 0 ? NULL : &exam->machine.adapter[port->adapter];
}
