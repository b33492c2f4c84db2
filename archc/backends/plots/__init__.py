"""Plots, SVG, PNG and PDF, by Matplotlib, which is imported when one is drawn."""
