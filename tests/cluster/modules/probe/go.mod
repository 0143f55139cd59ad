// The program in the pods of the self test.
module wedofsheetsync.dev/cluster/probe

go 1.26.0
