"""Reports: a network, or several side by side, as one page of HTML that needs nothing else."""

from archc.backends.report.page import NoTemplates, complaint, report

__all__ = ["NoTemplates", "complaint", "report"]
