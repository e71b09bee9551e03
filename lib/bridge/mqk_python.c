/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqk_on_event() as a function of a Python interpreter. ctypes takes longer to pass a dozen
 * arguments than the event takes to become a record; an interpreter's own calling convention does
 * not. All that is used belongs to Python's stable ABI, so that no header of one version is needed,
 * and the symbols are weak, so that the library does not depend on Python.
 */
#include "event.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef void object; /* PyObject */

/* Functions of the stable ABI: X(result, name, parameters). */
#define PYTHON_FUNCTIONS(X)                                                                        \
    X(const char *, PyUnicode_AsUTF8AndSize, (object *, ptrdiff_t *))                              \
    X(object *, PyUnicode_InternFromString, (const char *))                                        \
    X(int, PyBytes_AsStringAndSize, (object *, char **, ptrdiff_t *))                              \
    X(long long, PyLong_AsLongLong, (object *))                                                    \
    X(object *, PyLong_FromLong, (long))                                                           \
    X(int, PyObject_IsInstance, (object *, object *))                                              \
    X(object *, PyObject_Call, (object *, object *, object *))                                     \
    X(object *, PyObject_CallFunction, (object *, const char *, ...))                              \
    X(ptrdiff_t, PySequence_Size, (object *))                                                      \
    X(object *, PySequence_GetItem, (object *, ptrdiff_t))                                         \
    X(object *, PyMapping_Items, (object *))                                                       \
    X(ptrdiff_t, PyTuple_Size, (object *))                                                         \
    X(object *, PyTuple_GetItem, (object *, ptrdiff_t))                                            \
    X(object *, PyTuple_New, (ptrdiff_t))                                                          \
    X(int, PyTuple_SetItem, (object *, ptrdiff_t, object *))                                       \
    X(object *, PyDict_New, (void))                                                                \
    X(int, PyDict_SetItem, (object *, object *, object *))                                         \
    X(object *, PyErr_Occurred, (void))                                                            \
    X(object *, PyCapsule_New, (void *, const char *, void (*)(object *)))                         \
    X(void *, PyCapsule_GetPointer, (object *, const char *))                                      \
    X(object *, PyCFunction_NewEx, (struct method *, object *, object *))                          \
    X(void *, PyEval_SaveThread, (void))                                                           \
    X(void, PyEval_RestoreThread, (void *))                                                        \
    X(void, Py_IncRef, (object *))                                                                 \
    X(void, Py_DecRef, (object *))

/* Its objects, likewise. */
#define PYTHON_OBJECTS(X)                                                                          \
    X(PyUnicode_Type)                                                                              \
    X(PyBytes_Type) X(PyTuple_Type) X(PyList_Type) X(PyDict_Type) X(_Py_NoneStruct)

/* PyMethodDef */
struct method {
    const char *name;
    object *(*call)(object *self, object *const *args, ptrdiff_t count, object *keywords);
    int flags;
    const char *doc;
};

enum { METH_FASTCALL_AND_KEYWORDS = 0x0080 | 0x0002 };

#define DECLARE_FUNCTION(result, name, parameters)                                                 \
    extern result name parameters __attribute__((weak));
#define DECLARE_OBJECT(name) extern char name[] __attribute__((weak));
PYTHON_FUNCTIONS(DECLARE_FUNCTION)
PYTHON_OBJECTS(DECLARE_OBJECT)

#define CAPSULE "mqkafka.bridge"

/* Keywords are numbered: the struct's fields, then what is not a field. */
enum { KEY_TOKEN = FIELD_event, KEY_USER_PROPERTIES, KEY_ATTRIBUTES, KEYWORDS };
static const char *const other_keywords[] = {"token", "user_properties", "attributes"};

enum { MAX_PAIRS = 32 }; /* of one event; with more it goes the other way */

/* Names and values of an event. Their lists may change while the lock is released, so the objects
 * are held. */
struct loan {
    size_t count;
    mqk_pair pairs[MAX_PAIRS];
    object *names[MAX_PAIRS];
    object *values[MAX_PAIRS];
};

struct mqk_python {
    _Atomic(mqk_bridge *) bridge; /* NULL once detached */
    atomic_uint calls;            /* under way */
    object *other;
    object *failed;
    object *keywords[KEYWORDS]; /* interned names, which a caller's keywords are identical to */
    mqk_event blank;
};

enum reading { READ, NOT_OURS, RAISED };

static bool has_interpreter(void) {
    /* Through a volatile pointer: a compiler takes the address of a function for not NULL. */
#define ADDRESS_OF_FUNCTION(result, name, parameters) (const void *)(uintptr_t)name,
#define ADDRESS_OF_OBJECT(name)                       (const void *)name,
    const void *volatile addresses[] = {PYTHON_FUNCTIONS(ADDRESS_OF_FUNCTION)
                                            PYTHON_OBJECTS(ADDRESS_OF_OBJECT)};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        if (!addresses[i]) {
            return false;
        }
    }
    return true;
}

/* The bytes of a str or bytes; None is absent. They live as long as the argument. */
static enum reading read_text(object *value, mqk_str *out) {
    ptrdiff_t len = 0;
    if (value == (object *)_Py_NoneStruct) {
        return READ;
    }
    if (PyObject_IsInstance(value, PyUnicode_Type) == 1) {
        out->data = PyUnicode_AsUTF8AndSize(value, &len);
    } else if (PyObject_IsInstance(value, PyBytes_Type) == 1) {
        char *data = NULL;
        out->data = PyBytes_AsStringAndSize(value, &data, &len) == 0 ? data : NULL;
    } else {
        return PyErr_Occurred() ? RAISED : NOT_OURS;
    }
    out->len = (size_t)len;
    return out->data ? READ : RAISED;
}

static enum reading read_number(object *value, int64_t *out) {
    if (value == (object *)_Py_NoneStruct) {
        return READ;
    }
    *out = PyLong_AsLongLong(value);
    return *out == -1 && PyErr_Occurred() ? RAISED : READ;
}

/* One (name, value) is lent. */
static enum reading read_pair(object *pair, struct loan *loan) {
    if (loan->count == MAX_PAIRS || PyObject_IsInstance(pair, PyTuple_Type) != 1 ||
        PyTuple_Size(pair) != 2) {
        return PyErr_Occurred() ? RAISED : NOT_OURS;
    }
    size_t at = loan->count++;
    mqk_pair *out = &loan->pairs[at];
    *out = (mqk_pair){{NULL, 0}, {NULL, 0}};
    loan->names[at] = PySequence_GetItem(pair, 0);
    loan->values[at] = PySequence_GetItem(pair, 1);
    if (!loan->names[at] || !loan->values[at]) {
        return RAISED;
    }
    enum reading reading = read_text(loan->names[at], &out->name);
    return reading == READ ? read_text(loan->values[at], &out->value) : reading;
}

static enum reading read_sequence(object *sequence, struct loan *loan) {
    ptrdiff_t count = PySequence_Size(sequence);
    enum reading reading = count < 0 ? RAISED : READ;
    for (ptrdiff_t i = 0; i < count && reading == READ; i++) {
        object *pair = PySequence_GetItem(sequence, i);
        reading = pair ? read_pair(pair, loan) : RAISED;
        Py_DecRef(pair);
    }
    return reading;
}

/* A list or tuple of pairs, or a dict. */
static enum reading read_pairs(object *value, struct loan *loan, const mqk_pair **pairs,
                               size_t *count) {
    if (value == (object *)_Py_NoneStruct) {
        return READ;
    }
    size_t before = loan->count;
    enum reading reading = NOT_OURS;
    if (PyObject_IsInstance(value, PyDict_Type) == 1) {
        object *items = PyMapping_Items(value);
        reading = items ? read_sequence(items, loan) : RAISED;
        Py_DecRef(items);
    } else if (PyObject_IsInstance(value, PyList_Type) == 1 ||
               PyObject_IsInstance(value, PyTuple_Type) == 1) {
        reading = read_sequence(value, loan);
    } else if (PyErr_Occurred()) {
        return RAISED;
    }
    *pairs = loan->pairs + before;
    *count = loan->count - before;
    return reading;
}

static void give_back(struct loan *loan) {
    for (size_t i = 0; i < loan->count; i++) {
        Py_DecRef(loan->names[i]);
        Py_DecRef(loan->values[i]);
    }
}

static enum reading read_token(object *value, uint64_t *token) {
    int64_t number = 0;
    enum reading reading = read_number(value, &number);
    *token = (uint64_t)number;
    return reading;
}

static enum reading read_keyword(const struct mqk_python *p, object *keyword, object *value,
                                 mqk_event *event, struct loan *loan) {
    int key = 0;
    while (key < KEYWORDS && p->keywords[key] != keyword) {
        key++;
    }
    switch (key) {
    case KEY_TOKEN:
        return read_token(value, &event->token);
    case KEY_USER_PROPERTIES:
        return read_pairs(value, loan, &event->user_props, &event->user_props_count);
    case KEY_ATTRIBUTES:
        return read_pairs(value, loan, &event->attrs, &event->attrs_count);
    case KEYWORDS:
        return NOT_OURS;
    default:
        break;
    }
    void *member = (char *)event + event_fields[key].offset;
    return event_fields[key].kind == FIELD_TEXT ? read_text(value, member)
                                                : read_number(value, member);
}

static enum reading read_event(const struct mqk_python *p, object *const *args, ptrdiff_t count,
                               object *keywords, mqk_event *event, struct loan *loan) {
    mqk_str hook = {NULL, 0};
    if (count != 1) {
        return NOT_OURS;
    }
    enum reading reading = read_text(args[0], &hook);
    if (reading != READ) {
        return reading;
    }
    if (!hook.data || !event_hook_by_name(hook, &event->hook)) {
        return NOT_OURS;
    }
    if (event->hook == MQK_HOOK_CUSTOM) {
        event->hook_name = hook;
    }
    ptrdiff_t named = keywords ? PyTuple_Size(keywords) : 0;
    for (ptrdiff_t i = 0; i < named && reading == READ; i++) {
        reading = read_keyword(p, PyTuple_GetItem(keywords, i), args[count + i], event, loan);
    }
    return reading;
}

/* The same call, to the function that takes everything. */
static object *call_other(object *other, object *const *args, ptrdiff_t count, object *keywords) {
    ptrdiff_t named = keywords ? PyTuple_Size(keywords) : 0;
    object *tuple = PyTuple_New(count);
    object *dict = PyDict_New();
    object *result = NULL;
    bool ready = tuple && dict;
    for (ptrdiff_t i = 0; i < count && ready; i++) {
        Py_IncRef(args[i]);
        ready = PyTuple_SetItem(tuple, i, args[i]) == 0;
    }
    for (ptrdiff_t i = 0; i < named && ready; i++) {
        ready = PyDict_SetItem(dict, PyTuple_GetItem(keywords, i), args[count + i]) == 0;
    }
    if (ready) {
        result = PyObject_Call(other, tuple, dict);
    }
    Py_DecRef(tuple);
    Py_DecRef(dict);
    return result;
}

static object *call(object *self, object *const *args, ptrdiff_t count, object *keywords) {
    struct mqk_python *p = PyCapsule_GetPointer(self, CAPSULE);
    if (!p) {
        return NULL;
    }
    mqk_event event = p->blank;
    struct loan loan;
    loan.count = 0;
    enum reading reading = read_event(p, args, count, keywords, &event, &loan);
    mqk_bridge *bridge = NULL;
    int result = 0;
    /* Counted before the bridge is looked at, so that detaching either takes the bridge away from
     * this call or sees it. */
    atomic_fetch_add(&p->calls, 1);
    if (reading == READ && (bridge = atomic_load(&p->bridge))) {
        void *thread = PyEval_SaveThread();
        result = mqk_on_event(bridge, &event);
        PyEval_RestoreThread(thread);
    }
    atomic_fetch_sub(&p->calls, 1);
    give_back(&loan);
    if (reading == RAISED) {
        return NULL;
    }
    if (!bridge) {
        return call_other(p->other, args, count, keywords);
    }
    return result < 0 ? PyObject_CallFunction(p->failed, "i", result) : PyLong_FromLong(result);
}

static void python_free(struct mqk_python *p) {
    for (int i = 0; i < KEYWORDS; i++) {
        Py_DecRef(p->keywords[i]);
    }
    Py_DecRef(p->other);
    Py_DecRef(p->failed);
    free(p);
}

static void capsule_free(object *capsule) {
    python_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

static bool intern_keywords(struct mqk_python *p) {
    for (int i = 0; i < KEYWORDS; i++) {
        p->keywords[i] = PyUnicode_InternFromString(i < KEY_TOKEN ? event_fields[i].name
                                                                  : other_keywords[i - KEY_TOKEN]);
        if (!p->keywords[i]) {
            return false;
        }
    }
    return true;
}

static struct mqk_python *python_new(mqk_bridge *bridge, object *other, object *failed) {
    struct mqk_python *p = calloc(1, sizeof(*p));
    if (!p) {
        return NULL;
    }
    Py_IncRef(other);
    Py_IncRef(failed);
    p->other = other;
    p->failed = failed;
    atomic_init(&p->bridge, bridge);
    event_init(&p->blank, sizeof(p->blank), MQK_HOOK_MESSAGE_PUBLISH);
    if (!intern_keywords(p)) {
        python_free(p);
        return NULL;
    }
    return p;
}

void *mqk_python_attach(mqk_bridge *bridge, void *other, void *failed, mqk_python **out) {
    static struct method method = {"on_event", call, METH_FASTCALL_AND_KEYWORDS,
                                   "on_event(hook, *, **fields): the number of records accepted"};
    if (!bridge || !other || !failed || !out || !has_interpreter()) {
        return NULL;
    }
    struct mqk_python *p = python_new(bridge, other, failed);
    object *capsule = p ? PyCapsule_New(p, CAPSULE, capsule_free) : NULL;
    if (!capsule) {
        if (p) {
            python_free(p);
        }
        return NULL;
    }
    object *function = PyCFunction_NewEx(&method, capsule, NULL);
    Py_DecRef(capsule);
    *out = function ? p : NULL;
    return function;
}

unsigned mqk_python_detach(mqk_python *python) {
    if (!python) {
        return 0;
    }
    atomic_store(&python->bridge, NULL);
    return atomic_load(&python->calls);
}
