/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/report/report.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/version.h"
#include "host/report/archive.h"
#include "host/report/filter.h"

#define HEAD        "manakin-report.json"
#define INDEX       "index.json"
#define FILES       "files"
#define ANSWERS     "answers/"
#define ANSWERS_END ".json"
#define LOGS        "logs/"
#define TEXT_MAX    (2u << 20) /* bytes of what is no log; JSON takes many times as much in memory */
#define FILE_MAX    (1u << 20) /* the same of a file, until what stands for a name makes it longer */
#define LOG_HEAD    (512u << 10) /* bytes that are kept of the beginning of a log that is cut */

/* As the questions that are not files are called in the index */
static const char *const sections[QUESTIONS] = {
	[ASKED_LIST] = "directories",
	[ASKED_LINK] = "links",
	[ASKED_THERE] = "there",
	[ASKED_MAY] = "may",
};

/* As all questions are called where they failed */
static const char *const kinds[QUESTIONS] = {
	[ASKED_FILE] = "file",   [ASKED_LIST] = "directory", [ASKED_LINK] = "link",
	[ASKED_THERE] = "there", [ASKED_MAY] = "may",        [ASKED_ELSE] = "answer",
};

/* ---- made ---- */

int report_add_log(struct report *report, const char *name, const char *text, size_t len)
{
	struct report_log *log = &report->log[report->n_logs];

	if (report->n_logs == REPORT_LOGS)
		return -E2BIG;
	log->text = malloc(len + 1);
	if (!log->text)
		return -ENOMEM;
	memcpy(log->text, text, len);
	log->text[len] = '\0';
	log->len = len;
	snprintf(log->name, sizeof(log->name), "%s", name);
	report->n_logs++;
	return 0;
}

/** cut() - keep this many bytes of a text: the beginning, and more of the end, in whole lines */
static int cut(char **text, size_t *len, size_t most)
{
	size_t head, tail;
	char *new, *end;

	if (*len <= most)
		return 0;
	most -= strlen(REPORT_CUT);
	head = LOG_HEAD < most / 2 ? LOG_HEAD : most / 2;
	tail = *len - (most - head);
	new = malloc(most + sizeof(REPORT_CUT));
	if (!new)
		return -ENOMEM;
	while (head && (*text)[head - 1] != '\n')
		head--;
	end = memchr(*text + tail, '\n', *len - tail);
	tail = end ? (size_t)(end - *text) + 1 : *len;
	memcpy(new, *text, head);
	memcpy(new + head, REPORT_CUT, strlen(REPORT_CUT));
	memcpy(new + head + strlen(REPORT_CUT), *text + tail, *len - tail);
	free(*text);
	*text = new;
	*len = head + strlen(REPORT_CUT) + *len - tail;
	new[*len] = '\0';
	return 0;
}

int report_trim(struct report *report)
{
	size_t each = report->n_logs ? REPORT_LOG_MAX / report->n_logs : 0;
	int err = 0;

	for (size_t i = 0; i < report->answers.n && !err; i++) {
		struct answer *answer = &report->answers.answer[i];

		if (answer->question != ASKED_FILE)
			continue;
		answer->len = filter_file(answer->name, answer->data, answer->len);
		err = cut(&answer->data, &answer->len, FILE_MAX);
	}
	for (size_t i = 0; i < report->n_logs && !err; i++)
		err = cut(&report->log[i].text, &report->log[i].len, each);
	return err;
}

/* ---- written ---- */

/** add_json() - a file; @json is freed */
static int add_json(struct archive *archive, const char *name, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	int err = text ? 0 : -ENOMEM;

	if (!err)
		err = strlen(text) > TEXT_MAX ? -EFBIG
					      : archive_add(archive, name, text, strlen(text));
	free(text);
	json_decref(json);
	return err;
}

/** names_json() - the names in a directory, which have a NUL after each */
static json_t *names_json(const struct answer *answer)
{
	json_t *names = json_array();

	for (size_t at = 0; at < answer->len; at += strlen(answer->data + at) + 1)
		json_array_append_new(names, json_string(answer->data + at));
	return names;
}

/** index_answer() - what is not a file of the archive. Names that are not UTF-8 are left out. */
static void index_answer(json_t *index, const struct answer *answer)
{
	json_t *section;

	if (answer->err) {
		json_array_append_new(
			json_object_get(index, "failures"),
			json_pack("[s, s, i]", kinds[answer->question], answer->name, answer->err));
		return;
	}
	section = json_object_get(index,
				  sections[answer->question] ? sections[answer->question] : "");
	if (answer->question == ASKED_LIST)
		json_object_set_new(section, answer->name, names_json(answer));
	else if (answer->question == ASKED_LINK)
		json_object_set_new(section, answer->name, json_string(answer->data));
	else
		json_array_append_new(section, json_string(answer->name));
}

/** write_answers() - files, answers, and the index */
static int write_answers(const struct report *report, struct archive *archive)
{
	json_t *index = json_pack("{s:{}, s:{}, s:[], s:[], s:[]}", sections[ASKED_LIST],
				  sections[ASKED_LINK], sections[ASKED_THERE], sections[ASKED_MAY],
				  "failures");
	int err = index ? 0 : -ENOMEM;

	if (report->answers.n > REPORT_ANSWERS)
		err = -EFBIG;
	for (size_t i = 0; i < report->answers.n && !err; i++) {
		const struct answer *answer = &report->answers.answer[i];
		bool file = answer->question == ASKED_FILE;
		char name[ARCHIVE_NAME];
		int len;

		if (answer->err || (!file && answer->question != ASKED_ELSE)) {
			index_answer(index, answer);
			continue;
		}
		len = snprintf(name, sizeof(name), "%s%s%s", file ? FILES : ANSWERS, answer->name,
			       file ? "" : ANSWERS_END);
		if (answer->len > TEXT_MAX)
			err = -EFBIG; /* as it would be refused when it is read */
		else if (len < (int)sizeof(name))
			err = archive_add(archive, name, answer->data, answer->len);
		if (err == -ENAMETOOLONG) /* nothing that the program reads has such a name */
			err = 0;
	}
	if (!err)
		return add_json(archive, INDEX, index);
	json_decref(index);
	return err;
}

int report_write(const struct report *report, int fd)
{
	struct archive *archive = archive_create(fd);
	char name[sizeof(report->log[0].name) + sizeof(LOGS)];
	int err, finished;

	if (!archive)
		return -ENOMEM;
	err = add_json(archive, HEAD,
		       json_pack("{s:i, s:s, s:b, s:s}", "manakin-report", REPORT_FORM, "manakin",
				 MANAKIN_VERSION, "tree", report->tree, "missing",
				 report->missing));
	if (!err)
		err = write_answers(report, archive);
	for (size_t i = 0; i < report->n_logs && !err; i++) {
		snprintf(name, sizeof(name), LOGS "%s", report->log[i].name);
		err = archive_add(archive, name, report->log[i].text, report->log[i].len);
	}
	finished = archive_finish(archive);
	return err ? err : finished;
}

/* ---- read ---- */

/** struct reading - @begun: the head has been read; @indexed: the index, too */
struct reading {
	struct report *report;
	bool begun, indexed;
};

/** put_answer() - answers_put(); -EFBIG: there are too many to keep them in order in a short time */
static int put_answer(struct answers *answers, enum question question, const char *name, int err,
		      const void *data, size_t len)
{
	return answers->n < REPORT_ANSWERS ? answers_put(answers, question, name, err, data, len)
					   : -EFBIG;
}

static int not_ours(struct error *error)
{
	return error_fail(error, -EBADMSG, "it was not made by 'manakin report'");
}

/** read_head() - is it a report, of a form that is known? */
static int read_head(struct reading *reading, const char *data, size_t len, struct error *error)
{
	json_t *head = json_loadb(data, len, 0, NULL);
	const json_t *form = json_object_get(head, "manakin-report");
	const char *made_by = json_string_value(json_object_get(head, "manakin"));
	const char *missing = json_string_value(json_object_get(head, "missing"));
	int err = 0;

	if (!json_is_integer(form) || json_integer_value(form) < 1)
		err = not_ours(error);
	else if (json_integer_value(form) > REPORT_FORM)
		err = error_fail(
			error, -EPROTONOSUPPORT,
			"manakin %s made it, which is newer than this one (" MANAKIN_VERSION
			"); read it with that",
			made_by ? made_by : "");
	reading->report->tree = json_is_true(json_object_get(head, "tree"));
	snprintf(reading->report->made_by, sizeof(reading->report->made_by), "%s",
		 made_by ? made_by : "");
	snprintf(reading->report->missing, sizeof(reading->report->missing), "%s",
		 missing ? missing : "");
	reading->begun = true;
	json_decref(head);
	return err;
}

/** read_names() - a directory */
static int read_names(struct answers *answers, const char *path, const json_t *list)
{
	char *all = NULL;
	size_t len = 0, i;
	FILE *to = open_memstream(&all, &len);
	json_t *name;
	int err;

	if (!to)
		return -ENOMEM;
	json_array_foreach(list, i, name)
		if (json_string_length(name))
			fwrite(json_string_value(name), 1, json_string_length(name) + 1, to);
	err = fclose(to) ? -ENOMEM : put_answer(answers, ASKED_LIST, path, 0, all, len);
	free(all);
	return err;
}

/** read_failures() - what was asked without success */
static int read_failures(struct answers *answers, const json_t *list)
{
	const json_t *failure;
	size_t i;
	int err = 0;

	json_array_foreach(list, i, failure) {
		const char *kind = json_string_value(json_array_get(failure, 0));
		const char *name = json_string_value(json_array_get(failure, 1));
		json_int_t number = json_integer_value(json_array_get(failure, 2));
		unsigned int question = 0;

		while (question < QUESTIONS && kind && strcmp(kinds[question], kind))
			question++;
		if (!kind || !name || question == QUESTIONS || number >= 0 || number < -4095)
			continue;
		err = err ? err
			  : put_answer(answers, (enum question)question, name, (int)number, NULL,
				       0);
	}
	return err;
}

/** read_index() - what is not a file of the archive */
static int read_index(struct answers *answers, const char *data, size_t len, struct error *error)
{
	json_t *index = json_loadb(data, len, 0, NULL), *value;
	int err = json_is_object(index) ? 0 : -EBADMSG;
	const char *path;
	size_t i;

	json_object_foreach(json_object_get(index, sections[ASKED_LIST]), path, value) err =
		err ? err : read_names(answers, path, value);
	json_object_foreach(json_object_get(index, sections[ASKED_LINK]), path,
			    value) if (json_is_string(value) && !err) err =
		put_answer(answers, ASKED_LINK, path, 0, json_string_value(value),
			   json_string_length(value));
	for (enum question question = ASKED_THERE; question <= ASKED_MAY; question++)
		json_array_foreach(json_object_get(index, sections[question]), i, value)
			if (json_is_string(value) && !err)
				err = put_answer(answers, question, json_string_value(value), 0,
						 NULL, 0);
	if (!err)
		err = read_failures(answers, json_object_get(index, "failures"));
	json_decref(index);
	return err == -EBADMSG ? error_fail(error, err, "its " INDEX " is damaged") : err;
}

/** begins() - what follows a beginning; NULL: it begins otherwise */
static const char *begins(const char *name, const char *beginning)
{
	size_t len = strlen(beginning);

	return strncmp(name, beginning, len) ? NULL : name + len;
}

/** read_entry() - a file of the archive; see archive_each_t. One that is not known is ignored. */
static int read_entry(const char *name, char *data, size_t len, void *arg, struct error *error)
{
	struct reading *reading = arg;
	struct answers *answers = &reading->report->answers;
	char question[ARCHIVE_NAME];
	const char *rest;
	size_t end;

	if (len > TEXT_MAX && !begins(name, LOGS))
		return error_fail(error, -EFBIG, "%s in it is too large", name);
	if (!reading->begun)
		return strcmp(name, HEAD) ? not_ours(error) : read_head(reading, data, len, error);
	if (!strcmp(name, INDEX)) {
		if (reading->indexed)
			return error_fail(error, -EBADMSG, "it has more than one " INDEX);
		reading->indexed = true;
		return read_index(answers, data, len, error);
	}
	rest = begins(name, FILES "/");
	if (rest)
		return put_answer(answers, ASKED_FILE, rest - 1, 0, data, len);
	rest = begins(name, LOGS);
	if (rest)
		return report_add_log(reading->report, rest, data, len);
	rest = begins(name, ANSWERS);
	end = rest ? strlen(rest) : 0;
	if (end <= strlen(ANSWERS_END) || strcmp(rest + end - strlen(ANSWERS_END), ANSWERS_END))
		return 0;
	snprintf(question, sizeof(question), "%.*s", (int)(end - strlen(ANSWERS_END)), rest);
	return put_answer(answers, ASKED_ELSE, question, 0, data, len);
}

int report_read(const char *path, struct report *report, struct error *error)
{
	struct reading reading = { .report = report };
	struct error why = { "" };
	struct stat st;
	int fd, err = 0;

	memset(report, 0, sizeof(*report));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_fail(error, -errno, "cannot read the report %s: %s", path,
				  error_reason(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		err = error_fail(&why, -EINVAL, "it is not a file");
	if (!err)
		err = archive_read(fd, read_entry, &reading, &why);
	close(fd);
	if (!err && !reading.begun)
		err = not_ours(&why);
	if (err == -EFBIG && !*why.text)
		error_say(&why, "it has more than %u answers", REPORT_ANSWERS);
	if (err)
		error_say(error, "cannot read the report %s: %s", path,
			  *why.text ? why.text : error_reason(-err));
	return err;
}

int report_logs(const struct report *report)
{
	int fd = report->n_logs ? memfd_create("manakin-logs", MFD_CLOEXEC) : -ENOENT;
	FILE *to = NULL;
	bool bad;

	if (fd < 0)
		return report->n_logs ? -errno : -ENOENT;
	to = fdopen(dup(fd), "w");
	for (size_t i = 0; to && i < report->n_logs; i++) {
		const struct report_log *log = &report->log[i];

		fwrite(log->text, 1, log->len, to);
		if (log->len && log->text[log->len - 1] != '\n')
			fputc('\n', to);
	}
	bad = !to || ferror(to);
	if ((to && fclose(to)) || bad || lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -ENOMEM;
	}
	return fd;
}

void report_free(struct report *report)
{
	answers_free(&report->answers);
	for (size_t i = 0; i < report->n_logs; i++)
		free(report->log[i].text);
	report->n_logs = 0;
}
