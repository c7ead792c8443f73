"""What all tests of the package share."""


def pytest_configure(config):
    config.addinivalue_line("markers", "oracle: compares with the real packages; skipped where they are absent")
