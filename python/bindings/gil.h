// The global interpreter lock, given up and taken again.
#ifndef BGE_PYTHON_BINDINGS_GIL_H_
#define BGE_PYTHON_BINDINGS_GIL_H_

#include <cxxabi.h>
#include <nanobind/nanobind.h>
#include <unistd.h>

namespace bge::python {

/// run(), which takes the GIL or runs Python code. Before 3.14 Python ends a daemon thread that
/// does so while the interpreter is ending, by pthread_exit, which unwinds the stack as an
/// exception does. The frames below are not all made for that, and the process would end by
/// std::terminate: the thread sleeps instead until the process has ended.
template <class Function>
auto OrSleep(const Function& run) {
  try {
    return run();
  } catch (abi::__forced_unwind&) {
    for (;;) ::pause();
  }
}

/// The object of which run(), a call of the interpreter that may run Python code, gives a new
/// reference; python_error where it gives null. With OrSleep() around the bare call, so that
/// nothing of ours is destroyed where the thread is ended in it.
template <class Function>
nanobind::object ObjectFrom(const Function& run) {
  PyObject* const object = OrSleep(run);
  if (object == nullptr) throw nanobind::python_error();
  return nanobind::steal(object);
}

/// As Python's getattr, hasattr (where anything raised is a no) and object.name().
nanobind::object Attribute(nanobind::handle object, const char* name);
bool HasAttribute(nanobind::handle object, const char* name);
nanobind::object CallMethod(nanobind::handle object, const char* name);

/// Without the GIL while it lives; made with it. As nanobind::gil_scoped_release, with OrSleep().
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil();
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

/// With the GIL while it lives, on any thread. As nanobind::gil_scoped_acquire, with OrSleep().
class WithGil {
 public:
  WithGil();
  ~WithGil() { PyGILState_Release(state_); }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;

 private:
  PyGILState_STATE state_;
};

}  // namespace bge::python

#endif  // BGE_PYTHON_BINDINGS_GIL_H_
