"""Reads and restores how logging is configured: every logger, and what holds for all. Used by `engine.user_code.process_items`."""

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from logging import Logger

LoggingState: TypeAlias = "dict[Logger | None, tuple[Any, ...]]"
"""Level, propagation, whether it is disabled, handlers and filters of each logger; under None what holds for all."""

_NEW: Final = (0, True, False, (), ())
"""A logger as it is made."""


def logging_state() -> LoggingState:
    """How logging is configured; it has to be loaded."""
    logging = sys.modules["logging"]
    root, placeholder = logging.root, logging.PlaceHolder
    state: LoggingState = {
        logger: (logger.level, logger.propagate, logger.disabled, tuple(logger.handlers), tuple(logger.filters))
        for logger in list(root.manager.loggerDict.values())
        if logger.__class__ is not placeholder
    }
    state[root] = (root.level, root.propagate, root.disabled, tuple(root.handlers), tuple(root.filters))
    state[None] = (
        root.manager.disable,
        logging.raiseExceptions,
        logging.getLogRecordFactory(),
        logging.getLoggerClass(),
    )
    return state


def restore_logging(before: LoggingState) -> None:
    """Configure logging as it was; loggers that were made since stay, as they are made."""
    import logging  # lazy: it is loaded

    for logger, state in logging_state().items():
        if logger is not None and state != (wanted := before.get(logger, _NEW)):
            _restore_logger(logger, wanted)
    disabled, raises, factory, logger_class = before[None]
    logging.disable(disabled)
    logging.raiseExceptions = raises
    logging.setLogRecordFactory(factory)
    logging.setLoggerClass(logger_class)


def _restore_logger(logger: "Logger", state: tuple[Any, ...]) -> None:
    level, propagate, disabled, handlers, filters = state
    for handler in logger.handlers:
        if handler not in handlers:
            with suppress(Exception):  # a handler of the user's
                handler.flush()
    logger.handlers[:] = handlers
    logger.filters[:] = filters
    logger.propagate, logger.disabled = propagate, disabled
    logger.setLevel(level)


def captures_warnings() -> bool:
    """Whether `logging.captureWarnings` holds."""
    logging: Any = sys.modules.get("logging")
    return getattr(logging, "_warnings_showwarning", None) is not None


def restore_warnings(filters: tuple[Any, ...], show: Any, *, captured: bool) -> None:
    """Have warnings be filtered and shown as they were."""
    import warnings  # lazy: as above

    if captures_warnings() and not captured:
        sys.modules["logging"].captureWarnings(False)  # noqa: FBT003 - the signature of logging
    warnings.resetwarnings()  # tells the interpreter that they changed
    warnings.filters[:] = filters  # type: ignore[index]  # it is a list
    warnings.showwarning = show
