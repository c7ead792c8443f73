// BGE_API marks what a shared libbge exports; everything else has hidden visibility.
#ifndef BGE_EXPORT_H_
#define BGE_EXPORT_H_

#define BGE_API __attribute__((visibility("default")))
// A nested class of an exported one, which would be exported with it.
#define BGE_LOCAL __attribute__((visibility("hidden")))

#endif  // BGE_EXPORT_H_
