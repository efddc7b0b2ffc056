"""Kernel settings of one machine as a transaction: snapshot, journal, apply, read back, restore, prove.

Standard library only, Python 3.10 and newer: it travels to the machines, inside the Ansible module
tandem_settings and as a stand-alone program that restores the machine when the controller has died.
"""
