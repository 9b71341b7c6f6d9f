/* Three functions of the server, in C. Their twins in Python are in `pure.py`.

   For a reader who has not written an extension yet: Python loads this file's
   compiled form as it loads a module. It calls PyInit__speedups, at the very end, and
   gets a description of the module, with a table of its functions. From then on a call
   of parse_head() in Python is a call of the C function, with pointers to objects as
   arguments. Four rules keep the two languages at peace:

   - Every object counts its references. What the API calls a new reference is ours,
     and we give it back (Py_DECREF) or pass it on. A forgotten one is a leak; one given
     back twice is a crash, later and elsewhere.
   - A function that fails sets an exception and returns NULL. So each call that can
     fail is looked at, and what we own at that moment is given back.
   - Bytes are reached through the buffer protocol: PyObject_GetBuffer lends address
     and length, and until PyBuffer_Release nobody can resize what is behind them.
   - Nothing in Python checks an address. We read from `at` only where `at < end` was
     seen, and no other way.

   There is no variable here that outlives a call. So the module can be loaded into
   several interpreters, each with a lock of its own, or into a Python without one. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char byte;

/* A piece of the input. It owns nothing: the buffer must outlive it. */
typedef struct {
    const byte *at;  /* the first byte */
    const byte *end; /* behind the last one */
} Slice;


/* ------------------------------------------------------------------------------
   Classes of bytes. The grammar is that of `grammar.py`, where its sources are named.
   The compiler works the 256 entries out: at run time a test is one look-up. */

#define DIGIT(c) ((c) >= '0' && (c) <= '9')
#define LETTER(c) (((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z'))
#define PLAIN(c) (DIGIT(c) || LETTER(c) || (c) == '-' || (c) == '.' || (c) == '_' \
    || (c) == '~' || (c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' \
    || (c) == '*' || (c) == '+')
#define IS_TOKEN(c) (PLAIN(c) || (c) == '#' || (c) == '%' || (c) == '^' \
    || (c) == '`' || (c) == '|')
#define IS_HOST(c) (PLAIN(c) || (c) == '(' || (c) == ')' || (c) == ',' || (c) == ';' \
    || (c) == '=')
#define IS_PATH(c) (IS_HOST(c) || (c) == ':' || (c) == '@' || (c) == '/')
#define IS_QUERY(c) (IS_PATH(c) || (c) == '?')
#define IS_VALUE(c) ((c) == '\t' || ((c) >= ' ' && (c) != 0x7F))
#define IS_VISIBLE(c) ((c) > ' ' && (c) != 0x7F)
#define IS_HEX(c) (DIGIT(c) || ((c) >= 'A' && (c) <= 'F') || ((c) >= 'a' && (c) <= 'f'))

enum { TOKEN = 1, HOST = 2, PATH = 4, QUERY = 8, VALUE = 16, HEX = 32, NUMBER = 64,
    VISIBLE = 128 };

#define CLASS(c) ((IS_TOKEN(c) ? TOKEN : 0) | (IS_HOST(c) ? HOST : 0) \
    | (IS_PATH(c) ? PATH : 0) | (IS_QUERY(c) ? QUERY : 0) \
    | (IS_VALUE(c) ? VALUE : 0) | (IS_HEX(c) ? HEX : 0) | (DIGIT(c) ? NUMBER : 0) \
    | (IS_VISIBLE(c) ? VISIBLE : 0))
#define FOUR(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define ROW(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)

static const byte classes[256] = {
    ROW(0x00), ROW(0x10), ROW(0x20), ROW(0x30), ROW(0x40), ROW(0x50), ROW(0x60),
    ROW(0x70), ROW(0x80), ROW(0x90), ROW(0xA0), ROW(0xB0), ROW(0xC0), ROW(0xD0),
    ROW(0xE0), ROW(0xF0),
};

/* The first byte that is not of the class, or the end. */
static const byte *
skip(const byte *at, const byte *end, int class)
{
    while (at < end && classes[*at] & class) {
        at++;
    }
    return at;
}

/* The same, where a percent sign with two hexadecimal digits may stand as well. */
static const byte *
skip_encoded(const byte *at, const byte *end, int class)
{
    for (;;) {
        at = skip(at, end, class);
        if (end - at < 3 || at[0] != '%' || !(classes[at[1]] & classes[at[2]] & HEX)) {
            return at;
        }
        at += 3;
    }
}

/* Step over `text`, which stands at `*at`; 0 if it doesn't. */
static int
take(const byte **at, const byte *end, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(end - *at) < size || memcmp(*at, text, size) != 0) {
        return 0;
    }
    *at += size;
    return 1;
}

static size_t
length(Slice slice)
{
    return (size_t)(slice.end - slice.at);
}

/* Whether a slice is that word, in any case; `word` is in lower case. */
static int
is_word(Slice slice, const char *word)
{
    if (length(slice) != strlen(word)) {
        return 0;
    }
    for (; slice.at < slice.end; slice.at++, word++) {
        byte c = *slice.at;
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != *word) {
            return 0;
        }
    }
    return 1;
}


/* ------------------------------------------------------------------------------
   Reading a head. Up to here and down to `split_head` nothing is known of Python, but
   that the framing fields are put into a dictionary as they are found. */

typedef struct {
    Slice method, target, host, block;
    int minor; /* the digit behind "HTTP/1." */
    int hosts; /* how many Host fields there are */
    int usual; /* whether it asks for a path, at one host that is a name */
    PyObject *fields;
} Head;

enum { GOOD = 1, BAD = 0, FAILED = -1 }; /* FAILED: an exception is set */

/* Step over the request line. */
static int
read_line(const byte **at, const byte *end, Head *head)
{
    head->method.at = *at;
    head->method.end = *at = skip(*at, end, TOKEN);
    if (length(head->method) == 0 || !take(at, end, " ")) {
        return BAD;
    }
    head->target.at = *at;
    head->usual = take(at, end, "/");
    if (head->usual) {
        *at = skip_encoded(*at, end, PATH);
        if (take(at, end, "?")) {
            *at = skip_encoded(*at, end, QUERY);
        }
    }
    head->target.end = skip(*at, end, VISIBLE);
    if (head->target.end > *at
        || (length(head->method) == 7 && memcmp(head->method.at, "CONNECT", 7) == 0)) {
        head->usual = 0; /* more than a path can have in it, or no path is asked for */
    }
    *at = head->target.end;
    if (length(head->target) == 0 || !take(at, end, " HTTP/1.") || *at == end
        || !(classes[**at] & NUMBER)) {
        return BAD;
    }
    head->minor = *(*at)++ - '0';
    return GOOD;
}

/* host [ ":" port ], but no "[" and what is within: an IPv6 address is checked by
   those who know what is one. */
static int
is_usual_host(Slice host)
{
    const byte *at = skip_encoded(host.at, host.end, HOST);
    if (at > host.at && take(&at, host.end, ":")) {
        at = skip(at, host.end, NUMBER);
    }
    return at == host.end;
}

/* fields.setdefault(name, []).append(value) */
static int
add(PyObject *fields, const char *name, Slice value)
{
    int result = FAILED;
    PyObject *list = NULL;
    PyObject *key = PyBytes_FromString(name);
    PyObject *item = PyBytes_FromStringAndSize((const char *)value.at, length(value));
    if (key == NULL || item == NULL) {
        goto done;
    }
    list = PyDict_GetItemWithError(fields, key); /* borrowed: it stays the dict's */
    if (list != NULL) {
        result = PyList_Append(list, item) < 0 ? FAILED : GOOD;
    }
    else if (!PyErr_Occurred()) {
        list = PyList_New(0);
        if (list != NULL && PyList_Append(list, item) == 0) {
            result = PyDict_SetItem(fields, key, list) < 0 ? FAILED : GOOD;
        }
        Py_XDECREF(list);
    }
done:
    Py_XDECREF(key);
    Py_XDECREF(item);
    return result;
}

/* Keep a field if it says where the message ends, or what follows it. Their names are
   of six different lengths, so that most others are told apart by theirs. Hosts go
   among them in a head that is not usual. */
static int
keep(Head *head, Slice name, Slice value)
{
    const char *word;
    switch (length(name)) {
    case 4: word = "host"; break;
    case 6: word = "expect"; break;
    case 7: word = "upgrade"; break;
    case 10: word = "connection"; break;
    case 14: word = "content-length"; break;
    case 17: word = "transfer-encoding"; break;
    default: return GOOD;
    }
    if (!is_word(name, word)) {
        return GOOD;
    }
    while (value.at < value.end && (*value.at == ' ' || *value.at == '\t')) {
        value.at++;
    }
    while (value.at < value.end && (value.end[-1] == ' ' || value.end[-1] == '\t')) {
        value.end--;
    }
    if (length(name) == 4 && head->usual) {
        head->host = value;
        head->hosts += is_usual_host(value) ? 1 : 2;
        return GOOD;
    }
    if (length(name) == 10 && head->minor && is_word(value, "keep-alive")) {
        return GOOD;
    }
    return add(head->fields, word, value);
}

/* Step over the field lines, each from the CRLF before it. */
static int
read_fields(const byte *at, const byte *end, Head *head)
{
    head->block.at = at;
    head->block.end = end;
    while (at < end) {
        Slice name, value;
        if (!take(&at, end, "\r\n")) {
            return BAD;
        }
        name.at = at;
        name.end = at = skip(at, end, TOKEN);
        if (length(name) == 0 || !take(&at, end, ":")) {
            return BAD;
        }
        value.at = at;
        value.end = at = skip(at, end, VALUE);
        if (keep(head, name, value) == FAILED) {
            return FAILED;
        }
    }
    return GOOD;
}

static int
read_head(const byte *at, const byte *end, Head *head)
{
    int result = read_line(&at, end, head);
    if (result == GOOD) {
        result = read_fields(at, end, head);
    }
    if (result == GOOD && head->usual && head->hosts != 1) {
        /* No host, two, or one that has to be looked at: now all of them are kept. */
        head->usual = 0;
        PyDict_Clear(head->fields);
        result = read_fields(at, end, head);
    }
    return result;
}

static PyObject *
text(Slice slice)
{
    return PyUnicode_DecodeLatin1((const char *)slice.at, length(slice), NULL);
}

/* The seven results as a tuple, which the caller owns; NULL and an exception if
   there is no memory for them. */
static PyObject *
results(const Head *head)
{
    PyObject *tuple = PyTuple_New(7);
    if (tuple == NULL) {
        return NULL;
    }
    Slice none = {head->block.at, head->block.at};
    /* A tuple takes over the reference that it is given, and bears a NULL in it. */
    PyTuple_SET_ITEM(tuple, 0, PyBool_FromLong(head->usual));
    PyTuple_SET_ITEM(tuple, 1, text(head->method));
    PyTuple_SET_ITEM(tuple, 2, text(head->target));
    PyTuple_SET_ITEM(tuple, 3, PyUnicode_FromString(head->minor ? "1.1" : "1.0"));
    PyTuple_SET_ITEM(tuple, 4, text(head->usual ? head->host : none));
    PyTuple_SET_ITEM(tuple, 5, Py_NewRef(head->fields));
    PyTuple_SET_ITEM(tuple, 6, PyBytes_FromStringAndSize(
        (const char *)head->block.at, length(head->block)));
    for (int i = 0; i < 7; i++) {
        if (PyTuple_GET_ITEM(tuple, i) == NULL) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

PyDoc_STRVAR(split_head_doc,
"split_head($module, data, start, end, /)\n--\n\n"
"Take apart the head of a request, `data[start:end]`; None if it is malformed.\n\n"
"See dustdevil.speedups.pure.split_head, which returns the same.");

static PyObject *
split_head(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3) {
        PyErr_SetString(PyExc_TypeError, "split_head() takes three arguments");
        return NULL;
    }
    Py_ssize_t start = PyLong_AsSsize_t(args[1]);
    Py_ssize_t end = start == -1 && PyErr_Occurred() ? -1 : PyLong_AsSsize_t(args[2]);
    Py_buffer data;
    if (PyErr_Occurred() || PyObject_GetBuffer(args[0], &data, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    PyObject *answer = NULL;
    int result = BAD;
    Head head = {.fields = NULL};
    if (start >= 0 && start <= end && end <= data.len) {
        const byte *bytes = data.buf;
        head.fields = PyDict_New();
        result = FAILED;
        if (head.fields != NULL) {
            result = read_head(bytes + start, bytes + end, &head);
        }
    }
    if (result == GOOD) {
        answer = results(&head);
    }
    else if (result == BAD) {
        answer = Py_NewRef(Py_None);
    }
    Py_XDECREF(head.fields);
    PyBuffer_Release(&data); /* the slices end here */
    return answer;
}


/* ------------------------------------------------------------------------------
   The signature, and the mask of WebSocket frames. */

PyDoc_STRVAR(fs64_doc,
"fs64($module, data, /)\n--\n\n"
"A signature of 64 bits (FNV-1a), as two unsigned integers of 32 bits, the high one\n"
"first. See dustdevil.speedups.pure.fs64, which returns the same.");

static PyObject *
fs64(PyObject *Py_UNUSED(module), PyObject *object)
{
    Py_buffer data;
    if (PyObject_GetBuffer(object, &data, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    uint64_t signature = 0xCBF29CE484222325;
    const byte *bytes = data.buf;
    for (Py_ssize_t i = 0; i < data.len; i++) {
        /* Unsigned numbers wrap around: modulo 2**64 comes of itself. */
        signature = (signature ^ bytes[i]) * 0x100000001B3;
    }
    PyBuffer_Release(&data);
    /* "I" is unsigned. With "i", three signatures of four would have a negative half. */
    return Py_BuildValue("(II)", (unsigned)(signature >> 32), (unsigned)signature);
}

PyDoc_STRVAR(apply_mask_doc,
"apply_mask($module, data, mask, /)\n--\n\n"
"XOR `data` with the four bytes of `mask` over and over (RFC 6455, section 5.3).\n\n"
"See dustdevil.speedups.pure.apply_mask, which returns the same.");

/* Eight bytes at a time, in a loop so plain that compilers make it sixteen or more.
   memcpy() of eight bytes is one load or one store, at any address. */
static void
mask_bytes(const byte *restrict from, byte *restrict to, size_t size, const byte *mask)
{
    uint64_t key, word;
    size_t i = 0;
    memcpy(&key, mask, 4);
    memcpy((byte *)&key + 4, mask, 4);
    for (; i + 8 <= size; i += 8) {
        memcpy(&word, from + i, 8);
        word ^= key;
        memcpy(to + i, &word, 8);
    }
    for (; i < size; i++) {
        to[i] = from[i] ^ mask[i % 4];
    }
}

static PyObject *
apply_mask(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *result = NULL;
    Py_buffer data, mask;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "apply_mask() takes two arguments");
        return NULL;
    }
    if (PyObject_GetBuffer(args[0], &data, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    if (PyObject_GetBuffer(args[1], &mask, PyBUF_SIMPLE) < 0) {
        goto release_data;
    }
    if (mask.len != 4) {
        PyErr_SetString(PyExc_ValueError, "a mask has four bytes");
        goto release_both;
    }
    result = PyBytes_FromStringAndSize(NULL, data.len); /* not filled in yet */
    if (result != NULL) {
        mask_bytes(data.buf, (byte *)PyBytes_AS_STRING(result), data.len, mask.buf);
    }
release_both:
    PyBuffer_Release(&mask);
release_data:
    PyBuffer_Release(&data);
    return result;
}


/* ------------------------------------------------------------------------------
   The module (PEP 489: it is described here, and made by the import system). */

static PyMethodDef methods[] = {
    {"split_head", (PyCFunction)(void (*)(void))split_head, METH_FASTCALL,
     split_head_doc},
    {"fs64", fs64, METH_O, fs64_doc},
    {"apply_mask", (PyCFunction)(void (*)(void))apply_mask, METH_FASTCALL,
     apply_mask_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#ifdef Py_mod_multiple_interpreters /* since 3.12 (PEP 684) */
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil /* since 3.13 (PEP 703) */
    /* It is true: what a call makes, no other thread sees before the call returns, and
       the length of a buffer holds until its release. That nobody writes into the bytes
       meanwhile is for the caller to see to: a bytearray belongs to one connection. */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "dustdevil.speedups._speedups",
    .m_doc = "What is worth writing in C; the twins in Python are in dustdevil.speedups.pure.",
    .m_size = 0, /* no state of its own */
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__speedups(void)
{
    return PyModuleDef_Init(&definition);
}
