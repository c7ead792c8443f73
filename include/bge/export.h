// BGE_API marks what a shared libbge exports; everything else has hidden visibility.
#ifndef BGE_EXPORT_H_
#define BGE_EXPORT_H_

#define BGE_API __attribute__((visibility("default")))

#endif  // BGE_EXPORT_H_
