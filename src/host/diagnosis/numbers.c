/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/diagnosis/numbers.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MAX 4095 /* as in the kernel's IS_ERR_VALUE() */

/* Those that Linux and DPDK report; the texts are the C library's, which programs print */
static const struct {
	const char *name, *text;
	int value;
} errors[] = {
	{ "EPERM", "Operation not permitted", EPERM },
	{ "ENOENT", "No such file or directory", ENOENT },
	{ "ESRCH", "No such process", ESRCH },
	{ "EINTR", "Interrupted system call", EINTR },
	{ "EIO", "Input/output error", EIO },
	{ "ENXIO", "No such device or address", ENXIO },
	{ "E2BIG", "Argument list too long", E2BIG },
	{ "ENOEXEC", "Exec format error", ENOEXEC },
	{ "EBADF", "Bad file descriptor", EBADF },
	{ "ECHILD", "No child processes", ECHILD },
	{ "EAGAIN", "Resource temporarily unavailable", EAGAIN },
	{ "ENOMEM", "Cannot allocate memory", ENOMEM },
	{ "EACCES", "Permission denied", EACCES },
	{ "EFAULT", "Bad address", EFAULT },
	{ "EBUSY", "Device or resource busy", EBUSY },
	{ "EEXIST", "File exists", EEXIST },
	{ "EXDEV", "Invalid cross-device link", EXDEV },
	{ "ENODEV", "No such device", ENODEV },
	{ "ENOTDIR", "Not a directory", ENOTDIR },
	{ "EISDIR", "Is a directory", EISDIR },
	{ "EINVAL", "Invalid argument", EINVAL },
	{ "ENFILE", "Too many open files in system", ENFILE },
	{ "EMFILE", "Too many open files", EMFILE },
	{ "ENOTTY", "Inappropriate ioctl for device", ENOTTY },
	{ "EFBIG", "File too large", EFBIG },
	{ "ENOSPC", "No space left on device", ENOSPC },
	{ "EROFS", "Read-only file system", EROFS },
	{ "EPIPE", "Broken pipe", EPIPE },
	{ "EDOM", "Numerical argument out of domain", EDOM },
	{ "ERANGE", "Numerical result out of range", ERANGE },
	{ "EDEADLK", "Resource deadlock avoided", EDEADLK },
	{ "ENOSYS", "Function not implemented", ENOSYS },
	{ "ENODATA", "No data available", ENODATA },
	{ "ETIME", "Timer expired", ETIME },
	{ "EPROTO", "Protocol error", EPROTO },
	{ "EBADMSG", "Bad message", EBADMSG },
	{ "EOVERFLOW", "Value too large for defined data type", EOVERFLOW },
	{ "EMSGSIZE", "Message too long", EMSGSIZE },
	{ "EPROTONOSUPPORT", "Protocol not supported", EPROTONOSUPPORT },
	{ "EOPNOTSUPP", "Operation not supported", EOPNOTSUPP },
	{ "ENOTSUP", "Operation not supported", ENOTSUP },
	{ "EAFNOSUPPORT", "Address family not supported by protocol", EAFNOSUPPORT },
	{ "EADDRINUSE", "Address already in use", EADDRINUSE },
	{ "EADDRNOTAVAIL", "Cannot assign requested address", EADDRNOTAVAIL },
	{ "ENETDOWN", "Network is down", ENETDOWN },
	{ "ENETUNREACH", "Network is unreachable", ENETUNREACH },
	{ "ECONNABORTED", "Software caused connection abort", ECONNABORTED },
	{ "ECONNRESET", "Connection reset by peer", ECONNRESET },
	{ "ENOBUFS", "No buffer space available", ENOBUFS },
	{ "ENOTCONN", "Transport endpoint is not connected", ENOTCONN },
	{ "ETIMEDOUT", "Connection timed out", ETIMEDOUT },
	{ "ECONNREFUSED", "Connection refused", ECONNREFUSED },
	{ "EHOSTDOWN", "Host is down", EHOSTDOWN },
	{ "EALREADY", "Operation already in progress", EALREADY },
	{ "EINPROGRESS", "Operation now in progress", EINPROGRESS },
	{ "ESTALE", "Stale file handle", ESTALE },
	{ "EREMOTEIO", "Remote I/O error", EREMOTEIO },
	{ "ECANCELED", "Operation canceled", ECANCELED },
	{ "ENOKEY", "Required key not available", ENOKEY },
};

/** error_named() - by its name or text, which a full stop may follow; 0: there is none */
static int error_named(const char *word)
{
	size_t len = strlen(word);

	while (len && strchr(" .,;)", word[len - 1]))
		len--;
	for (size_t i = 0; len && i < sizeof(errors) / sizeof(errors[0]); i++)
		if ((strlen(errors[i].name) == len && !memcmp(errors[i].name, word, len)) ||
		    (strlen(errors[i].text) == len && !memcmp(errors[i].text, word, len)))
			return errors[i].value;
	return 0;
}

bool number_read(const char *word, long long *value)
{
	const char *digits = word + (*word == '-' || *word == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	const char *set = hex ? "0123456789abcdefABCDEF" : "0123456789";
	unsigned long long magnitude;

	if (hex)
		digits += 2;
	if (!*digits || digits[strspn(digits, set)]) {
		*value = error_named(word);
		return *value != 0;
	}
	errno = 0;
	magnitude = strtoull(digits, NULL, hex ? 16 : 10);
	if (errno)
		return false;
	*value = (long long)(*word == '-' ? 0 - magnitude : magnitude);
	return true;
}

/** as_errno() - a number that can only be a negative errno, in 32 or 64 bits: without its sign */
static long long as_errno(long long value)
{
	if (value >= -(long long)ERRNO_MAX && value < 0)
		return -value;
	if (value >= (long long)UINT32_MAX + 1 - ERRNO_MAX && value <= (long long)UINT32_MAX)
		return (long long)UINT32_MAX + 1 - value;
	return value;
}

bool number_same(const char *a, const char *b)
{
	long long x, y;

	if (number_read(a, &x) && number_read(b, &y))
		return as_errno(x) == as_errno(y);
	return !strcmp(a, b);
}

bool condition_holds(const struct rule_condition *condition, const char *value)
{
	long long a, b;

	if (!value)
		return condition->compare == RULE_DIFFERENT;
	if (condition->compare == RULE_EQUAL || condition->compare == RULE_DIFFERENT) {
		bool same = false;

		for (size_t i = 0; i < condition->n_values; i++)
			same |= number_same(condition->values[i], value);
		return same == (condition->compare == RULE_EQUAL);
	}
	if (!number_read(value, &a) || !number_read(condition->values[0], &b))
		return false;
	return condition->compare == RULE_LESS ? a < b : a > b;
}
