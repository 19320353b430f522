/me waves
/time
